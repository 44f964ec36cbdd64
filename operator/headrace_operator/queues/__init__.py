"""Which resource is looked at when, and never twice at once."""
