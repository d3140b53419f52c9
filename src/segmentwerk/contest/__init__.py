"""The contest: every segmenter tuned and judged on the same accounts."""
