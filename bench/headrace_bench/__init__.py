"""Measures how fast rows move: Headrace and others beside the plain pipe of `psql COPY | psql COPY`."""
