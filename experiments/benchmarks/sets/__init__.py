"""Data that the benchmarks run on: labelled sets and customers."""
