"""What a preview found, as its status has it: short, for whoever lists runs gets it, and fit to be shown by kubectl."""

import json
from collections.abc import Mapping
from typing import Any

from headrace.model.base import shown

LIMIT = 32 * 1024
"""Bytes of JSON."""
_NOTE_LIMIT = 1_000
_LONG = frozenset({"ddl", "mapping"})
"""Of a target: how it would be made."""

Result = dict[str, Any]


def for_status(found: Mapping[str, Any]) -> Result:
    """What was found; of what is longer than LIMIT the last rows or tables are left out.

    Where that is not enough, for a very wide table, how the target is made is left out too, then the last columns.
    """
    # None of the characters that are replaced means anything in JSON; names may have them too.
    result: Result = json.loads(shown(json.dumps(found, ensure_ascii=False)))
    if _size(result) <= LIMIT:
        return result
    result = _cut(_cut({**result, "truncated": True}, "rows"), "tables")
    return result if _size(result) <= LIMIT else _cut(_bare(result), "columns")


def _cut(result: Result, name: str) -> Result:
    """With as many items of that list as there is room for beside the rest."""
    if name not in result:
        return result
    room = LIMIT - _size({**result, name: []})
    kept = []
    for item in result[name]:
        room -= _size(item) + len(", ")
        if room < 0:
            break
        kept.append(item)
    return {**result, name: kept}


def _bare(result: Result) -> Result:
    target = {name: value for name, value in (result.get("target") or {}).items() if name not in _LONG}
    return {**result, "target": target or None, "note": (result.get("note") or "")[:_NOTE_LIMIT] or None}


def _size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode())
