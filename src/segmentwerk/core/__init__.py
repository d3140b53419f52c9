"""The shared vocabulary: errors, records, settings and plain data types. Imports no stage."""
