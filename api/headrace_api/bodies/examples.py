"""The examples that the OpenAPI schema shows."""

from typing import Any

_ID = "5f3c1a52-7c1e-4f0e-9d49-0f8f5f7a2b61"
_PROJECT_ID = "7d0f6f0e-51c3-4b0e-9a53-2a1f6a1c9e11"
_SCHEDULE_ID = "9a1e0c44-5f0b-4b8e-9a6f-0d7c2b1a3e55"
_SOURCE_ID = "2d1f6c1e-8d0b-4b7a-9a43-7e5d2c9b6f31"
_RUN_ID = "0c1f7a3e-3d8b-4a0e-8a54-6f1f0d9f7c10"

PIPELINE_IN: dict[str, Any] = {
    "name": "film_dim_full",
    "description": "The film catalogue, as the analysts want it",
    "mode": "full",
    "target_table": "analytics.film_dim",
    "source_query": "SELECT id AS film_id, title, rating, updated_at FROM content.film_work",
    "batch_size": 1000,
}
PIPELINE_PATCH: dict[str, Any] = {"batch_size": 5000}
PIPELINE: dict[str, Any] = {
    "id": _ID,
    **PIPELINE_IN,
    "type": "SQL",
    "enabled": True,
    "incremental_key": None,
    "source_table": None,
    "target": None,
    "key_columns": [],
    "version_column": None,
    "soft_delete_column": None,
    "max_bad_rows": 0,
    "prune": True,
    "allow_empty": False,
    "lookback": "5m",
    "max_rows_per_second": None,
    "snapshot_seconds": 600,
    "poll_interval": "1s",
    "nodes": [],
    "edges": [],
    "project_id": None,
    "source_id": None,
    "destination_id": None,
    "status": "IDLE",
    "created_at": "2026-03-01T12:00:00.120000Z",
    "updated_at": "2026-03-01T12:00:00.120000Z",
}
RUN: dict[str, Any] = {
    "id": _RUN_ID,
    "pipeline_id": _ID,
    "kind": "Load",
    "status": "SUCCESS",
    "created_at": "2026-03-01T12:01:00Z",
    "started_at": "2026-03-01T12:01:01Z",
    "finished_at": "2026-03-01T12:01:03Z",
    "rows_read": 200000,
    "rows_written": 1834,
    "bad_rows": 0,
    "error_message": None,
}
PROJECT_IN: dict[str, Any] = {
    "name": "Film catalogue",
    "description": "What the analysts know of films",
    "owner": "analytics",
}
PROJECT_PATCH: dict[str, Any] = {"owner": "platform"}
PROJECT: dict[str, Any] = {
    "id": _PROJECT_ID,
    **PROJECT_IN,
    "created_at": "2026-03-01T11:00:00.500000Z",
    "updated_at": "2026-03-01T11:00:00.500000Z",
    "pipelines": [{"id": _ID, "name": "film_dim_full", "nodes": ["extract", "transform", "load"]}],
}
STATISTICS: dict[str, Any] = {
    "total_pipelines": 4,
    "total_runs": 1200,
    "success_rate": 0.995,
    "average_run_seconds": 12.25,
}
SCHEDULE_IN: dict[str, Any] = {
    "project_id": _PROJECT_ID,
    "pipeline_id": "film_dim_full",
    "kind": "CRON",
    "expression": "0 2 * * *",
    "timezone": "Europe/Berlin",
    "catch_up": "last",
}
SCHEDULE: dict[str, Any] = {
    "id": _SCHEDULE_ID,
    **SCHEDULE_IN,
    "pipeline_id": _ID,
    "enabled": True,
    "max_concurrency": 1,
    "timeout_seconds": 3600,
    "jitter": "0s",
    "starting_deadline": None,
    "params": None,
    "next_run_at": "2026-03-02T01:00:00Z",
    "last_run_at": "2026-03-01T01:00:00Z",
    "waiting": [],
    "active": 0,
    "missed": 1,
    "reasons": {"Missed": 1},
    "last_missed": {"due_at": "2026-02-20T01:00:00Z", "reason": "Missed"},
    "created_at": "2026-02-01T12:00:00.250000Z",
    "updated_at": "2026-02-01T12:00:00.250000Z",
}
BACKFILL_IN: list[Any] = [
    {"count": 24},
    {"from": "2026-02-01T00:00:00Z", "to": "2026-03-01T00:00:00Z", "parallelism": 2},
]
BACKFILL_RUNS: dict[str, Any] = {
    "runs": [{"due_at": "2026-03-01T01:00:00Z", "run_id": _RUN_ID, "created": True}],
}
BACKFILL: dict[str, Any] = {
    "id": "3b6f8f0a-9c5d-4f0c-8a86-6a2d3f0e7b21",
    "schedule_id": _SCHEDULE_ID,
    "from": "2026-02-01T00:00:00Z",
    "to": "2026-03-01T00:00:00Z",
    "order": "oldestFirst",
    "parallelism": 2,
    "rerun": False,
    "retry": 0,
    "suspend": False,
    "state": "RUNNING",
    "progress": "17 of 28, 1 failed",
    "total": 28,
    "succeeded": 16,
    "failed": 1,
    "active": 2,
    "existing": 3,
    "failed_runs": [{"due_at": "2026-02-03T01:00:00Z", "run": "9a1e0c44-5f0b-4b8e-9a6f-0d7c2b1a3e55-1770080400"}],
    "created_at": "2026-03-01T12:00:00Z",
    "started_at": "2026-03-01T12:00:01Z",
    "finished_at": None,
}
WAL: dict[str, Any] = {
    "slot_bytes": 1073741824,
    "pressure_bytes": 10737418240,
    "time_left": "1h",
    "disk_bytes": None,
}
SLOT: dict[str, Any] = {
    "name": "headrace",
    "active": True,
    "wal_bytes": 4096,
    "wal_status": "reserved",
    "seconds_left": None,
}
SECRET_REFERENCE: dict[str, Any] = {"name": "warehouse-writer", "key": "password"}
SOURCE_IN: dict[str, Any] = {
    "name": "Film catalogue",
    "type": "postgres",
    "host": "films.example.com",
    "port": 5432,
    "database": "films",
    "username": "headrace_reader",
    "password": "correct horse battery staple",
    "options": {"sslmode": "require", "connect_timeout": "5"},
    "max_connections": 5,
}
_CONNECTION: dict[str, Any] = {
    "ca": None,
    "has_password": True,
    "password_secret": None,
    "connection_secret": None,
    "ready": True,
    "reason": "Connected",
    "message": "PostgreSQL 16.4 let us in",
    "conditions": [
        {
            "type": "Ready",
            "status": "True",
            "reason": "Connected",
            "message": "PostgreSQL 16.4 let us in",
            "last_transition_time": "2026-03-01T11:00:01Z",
        },
    ],
    "server_version": "16.4",
    "pipelines": 3,
    "created_at": "2026-03-01T11:00:00.500000Z",
    "updated_at": "2026-03-01T11:00:00.500000Z",
}
SOURCE: dict[str, Any] = {
    "id": _SOURCE_ID,
    **{name: value for name, value in SOURCE_IN.items() if name != "password"},
    **_CONNECTION,
    "wal": WAL,
    "slots": [SLOT],
    "wal_bytes": 4096,
    "measured_at": "2026-03-01T12:00:00.120000Z",
}
DESTINATION_IN: list[Any] = [
    {
        "name": "Warehouse",
        "type": "postgres",
        "host": "warehouse.example.com",
        "database": "warehouse",
        "username": "headrace_writer",
        "password_secret": SECRET_REFERENCE,
        "options": {"sslmode": "verify-full"},
        "ca": None,
    },
    {"name": "Search", "type": "elasticsearch", "host": "search.example.com", "password": "an API key"},
]
DESTINATION: dict[str, Any] = {
    "id": "c1b8f5a0-6a55-4b0c-8b60-9c3f2f6e4d21",
    **DESTINATION_IN[0],
    "port": 5432,
    **_CONNECTION,
    "password_secret": DESTINATION_IN[0]["password_secret"],
}
WAL_MEASUREMENT: dict[str, Any] = {
    "source_id": _SOURCE_ID,
    "slot": "headrace",
    "wal_bytes": 4096,
    "restart_lsn": "0/16B3748",
    "confirmed_flush_lsn": "0/16B3780",
    "wal_status": "reserved",
    "safe_wal_size": None,
    "active": True,
    "growth_per_minute": 1024.5,
    "seconds_left": None,
    "measured_at": "2026-03-01T12:00:00.120000Z",
}
DEAD_LETTER: dict[str, Any] = {
    "id": "17",
    "pipeline_id": _ID,
    "run_id": _RUN_ID,
    "key": ["4c7e9a52-0d1b-4b2f-9c36-2f6f0d9b7a11"],
    "document_id": "4c7e9a52-0d1b-4b2f-9c36-2f6f0d9b7a11",
    "document": '{"film_id":"4c7e9a52-0d1b-4b2f-9c36-2f6f0d9b7a11","title":"Solaris","rating":"NaN"}',
    "is_cut": False,
    "error_type": "document_parsing_exception",
    "reason": "[1:73] failed to parse field [rating] of type [double]: [double] supports only finite values",
    "created_at": "2026-03-01T12:01:02Z",
}
RECONCILE: dict[str, Any] = {
    "pipeline_id": _ID,
    "source_count": 200000,
    "target_count": 200000,
    "difference": 0,
    "status": "OK",
}
PROBLEM: dict[str, Any] = {
    "detail": "Pipeline not found",
    "error": {"code": "NOT_FOUND", "message": "Pipeline not found", "details": []},
    "meta": {"request_id": "8b9f6a1c2d3e4f50", "timestamp": "2026-03-01T12:00:00Z"},
}
INVALID: dict[str, Any] = {
    "detail": [{"type": "missing", "loc": ["body", "target_table"], "msg": "Field required"}],
    "error": {
        "code": "VALIDATION_ERROR",
        "message": "target_table: Field required",
        "details": [{"field": "target_table", "message": "Field required"}],
    },
    "meta": {"request_id": "8b9f6a1c2d3e4f50", "timestamp": "2026-03-01T12:00:00Z"},
}
