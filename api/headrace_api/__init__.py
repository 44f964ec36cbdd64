"""The facade: translates `/api/v1` into custom resources and back. Executes nothing."""
