"""Data that the benchmarks run on: labelled sets, and draws with and without groups."""
