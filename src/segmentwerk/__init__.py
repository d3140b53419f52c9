"""segmentwerk: segments of B2B customers that are compared fairly and keep their names."""

__version__ = "0.1.0"
