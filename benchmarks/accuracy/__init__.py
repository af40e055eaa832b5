"""Accuracy of the calling engines on real people with truth: ``python -m benchmarks.accuracy``."""
