"""Reads a query from Postgres as a COPY stream."""
