"""What a job of the workflow needs: memory, time and scratch, from the size of its input.

A table (``workflow/resources.tsv``, or the project's own) has for each rule and quantity the
coefficients of a sum that can be checked by hand; ``table`` says which. ``inputs`` finds the sizes
that the sum is taken over, ``requests`` turns it into what a scheduler is asked for, ``benchmarks``
reads what jobs used, and ``fit`` makes a table of that.
"""

from __future__ import annotations
