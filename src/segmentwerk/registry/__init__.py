"""The registered model: packaging and promotion."""

from segmentwerk.core.quiet import quiet_mlflow

quiet_mlflow()
