"""Writes batches into a Postgres table, together with the checkpoint."""
