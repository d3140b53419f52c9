"""The methods of the analyst, each on its own: factor analysis, conjoint, maps, what segments buy."""
