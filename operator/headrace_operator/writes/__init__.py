"""What is written to a resource besides its spec: a status that differs, an event."""
