"""Waves: a programme of many genomes run as projects of some hundred or thousand.

The queue is a project whose sheets name every sample. A wave is a folder with the sheets of some of
them and a configuration that ``snakemake`` takes; its results lie in it, its database, vault and
consent register are the queue's. What became of a sample is read from the waves before.
"""

from __future__ import annotations
