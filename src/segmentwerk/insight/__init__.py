"""What the segments mean: profiles, plots and the report."""
