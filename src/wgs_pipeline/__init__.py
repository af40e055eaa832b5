"""A national genome pipeline: consent, metrics, the National Genome Database and planning."""

__version__ = "0.1.0"
