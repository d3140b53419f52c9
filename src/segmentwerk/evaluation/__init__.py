"""The fair contest: scorecard families, gates, verdict, selection and identity."""
