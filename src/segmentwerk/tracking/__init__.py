"""Where runs are logged: one writer speaks MLflow, and provenance says which code made a run."""

from segmentwerk.core.quiet import quiet_mlflow

quiet_mlflow()
