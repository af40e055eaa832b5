"""Checks of everything a run would read, one module per kind of input.

Each check opens files only to read them, answers with the problems it finds and raises nothing.
"""
