"""Provenance: how the files of a sample came about, with commands, versions and digests.

``provenance/{sample}.json`` follows ``provenance.schema.yaml``. Nothing is retyped: commands and
times are those that Snakemake kept of its jobs, and digests were taken where the bytes were read.
"""

FORMAT = "wgs_pipeline provenance"
VERSION = 1
