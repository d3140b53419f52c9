"""Checked tables in, one row an account out."""
