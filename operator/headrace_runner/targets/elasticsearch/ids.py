"""A document's id, made from the key columns' texts; and the way back.

One column: its text. Several: joined by `|`, in which `|` and a backslash have a backslash before them. What
Elasticsearch does not take (nothing, or more than 512 bytes) becomes a hash, and so does what looks like one.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any

LONGEST = 512
"""Bytes of UTF-8."""
HASHED = "sha256:"
_ESCAPED = re.compile(r"[\\|]")
_UNESCAPED = re.compile(r"\\(.)", re.DOTALL)
_PART = re.compile(r"(?:[^\\|]|\\.)*", re.DOTALL)


def id_of(key: Sequence[str]) -> str:
    """What the source's statement makes of a key."""
    text = key[0] if len(key) == 1 else "|".join(_ESCAPED.sub(r"\\\g<0>", part) for part in key)
    data = text.encode()
    if 0 < len(data) <= LONGEST and not text.startswith(HASHED):
        return text
    return HASHED + hashlib.sha256(data).hexdigest()


def key_of(document_id: str, document: bytes, key_columns: Sequence[str]) -> tuple[str, ...]:
    """The key of a document: from its id, or where that is a hash from the document itself.

    A deletion has no document: of a hash the id is all there is.
    """
    if document_id.startswith(HASHED) and document:
        # Only texts get so long, and they stand in the document as they are; numbers keep their digits.
        fields: dict[str, Any] = json.loads(document, parse_int=str, parse_float=str)
        return tuple(_text(fields[name]) for name in key_columns)
    if len(key_columns) == 1:
        return (document_id,)
    return tuple(_UNESCAPED.sub(r"\1", part) for part in _parts(document_id))


def _parts(document_id: str) -> list[str]:
    parts, start = [], 0
    while True:
        match = _PART.match(document_id, start)
        assert match is not None
        parts.append(match.group())
        if match.end() == len(document_id):
            return parts
        start = match.end() + 1


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value)
