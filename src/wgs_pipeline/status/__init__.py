"""A run as it is: what is done, runs, waits and failed, and how long the rest will take.

Told from what Snakemake leaves in the results folder (outputs, logs, its marks of jobs that have
begun, its lock) and, where there is one, from SLURM's queue and accounting.
"""

from __future__ import annotations
