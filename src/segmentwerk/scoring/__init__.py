"""Ways to score accounts with the registered model."""
