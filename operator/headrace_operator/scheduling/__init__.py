"""Schedules, backfills and projects: each looked at like a pipeline, in queues of their own."""
