"""The examples that the OpenAPI schema shows."""

from typing import Any

_ID = "5f3c1a52-7c1e-4f0e-9d49-0f8f5f7a2b61"
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
