"""Variants of the mitochondrion, a circle of which a person has many copies that may differ."""

from wgs_pipeline.mitochondrion.calling import Sample, Settings, call

__all__ = ["Sample", "Settings", "call"]
