"""Looks at each source and destination from time to time, and at the WAL that replication slots hold back."""
