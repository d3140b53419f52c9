"""Segmenters: scikit-learn estimators on the shared reference space."""
