"""Pipelines and their runs: what is seen, and what is done about it."""
