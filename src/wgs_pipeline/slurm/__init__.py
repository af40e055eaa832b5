"""What SLURM knows of the jobs of a run: those in its queue, and how others ended."""
