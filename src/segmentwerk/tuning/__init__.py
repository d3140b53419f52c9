"""The search for good parameters; the only place that imports Optuna."""
