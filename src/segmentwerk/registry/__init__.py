"""The registered model: packaging and promotion."""
