"""What is told to people: pages in MLflow, report, figures, terminal."""
