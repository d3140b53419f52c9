"""One writer that speaks MLflow."""
