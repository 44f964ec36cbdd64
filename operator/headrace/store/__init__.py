"""The platform's Postgres: what happened. Runs, logs and a mirror of the checkpoints outlive pods and resources."""
