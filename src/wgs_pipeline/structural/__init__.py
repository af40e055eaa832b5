"""Structural variants: the calls of several callers as one list with genotypes."""
