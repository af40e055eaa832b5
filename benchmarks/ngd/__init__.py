"""Benchmark of the National Genome Database: `make bench-ngd`."""
