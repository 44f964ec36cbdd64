"""The Secrets that runs reach source and target by: made before a run's Job, renewed while it goes on, dropped."""
