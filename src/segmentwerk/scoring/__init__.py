"""Ways to score accounts with the registered model."""

from segmentwerk.core.quiet import quiet_mlflow

quiet_mlflow()
