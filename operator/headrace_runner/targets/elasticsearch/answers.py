"""What Elasticsearch answered to a bulk body, item by item; positions in the answer are those in the body.

https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-bulk
"""

import json
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from headrace.errors import TransientError
from headrace_runner.targets.elasticsearch.problems import Complaint, Fault, said


class Ask(Enum):
    """How much of an answer we want to see: its full form is greater than the body and takes longer to read."""

    ERRORS = "errors"
    """Whether all is well: 15 bytes."""
    STATUSES = "errors,items.*.status,items.*.error.type"
    """Without the status, which each item has, items without an error would be left out and positions lost."""
    REASONS = "errors,items.*.status,items.*.error.type,items.*.error.reason,items.*.error.caused_by"


class Outcome(Enum):
    """What became of one item, and what now."""

    DONE = auto()
    """It is in; or it was to be deleted and was not there."""
    CONFLICT = auto()
    """The index has this version already, or a later one: done."""
    AGAIN = auto()
    """The server could not take it now."""
    BAD = auto()
    """It is to blame itself."""
    STOP = auto()
    """No document gets in: the index, the server or the credentials are to blame."""


@dataclass(frozen=True, slots=True)
class Item:
    """What the answer says of one document."""

    outcome: Outcome
    complaint: Complaint | None = None


_DONE = Item(Outcome.DONE)
_CONFLICT = Item(Outcome.CONFLICT)
_ONE_CONFLICT = b'{"index":{"status":409,"error":{"type":"version_conflict_engine_exception"}}}'
_BY_FAULT = {Fault.PASSING: Outcome.AGAIN, Fault.LASTING: Outcome.STOP, Fault.DOCUMENT: Outcome.BAD}
_CLEAN = b'{"errors":false}'


def is_clean(answer: bytes) -> bool:
    """Whether all items are done; raises TransientError for what is no answer to a bulk body."""
    return answer == _CLEAN or _parse(answer)["errors"] is False


def are_all_conflicts(answer: bytes, count: int) -> bool:
    """Whether all items are in the index already, seen without parsing them: it costs 0.2 ms of 5,000, and that 7."""
    expected = len(b'{"errors":true,"items":[]}') + count * (len(_ONE_CONFLICT) + 1) - 1
    return len(answer) == expected and answer.count(_ONE_CONFLICT) == count and answer.startswith(b'{"errors":true,')


def items_of(answer: bytes, count: int) -> list[Item]:
    """An answer's items, `count` of them; raises TransientError when it has not just so many."""
    items = _parse(answer).get("items")
    if not isinstance(items, list) or len(items) != count:
        raise _unreadable("it does not speak of all documents that were sent")
    return [_item_of(item) for item in items]


def _parse(answer: bytes) -> dict[str, Any]:
    try:
        content = json.loads(answer)
    except ValueError:
        raise _unreadable("it is no JSON") from None
    if not isinstance(content, dict) or not isinstance(content.get("errors"), bool):
        raise _unreadable("it does not say whether there were errors")
    return content


def _item_of(item: Any) -> Item:
    try:
        # One key, which is the action: `{"index": {"status": 201}}`.
        ((_, result),) = item.items()
        status = int(result["status"])
        error = result.get("error")
    except (AttributeError, KeyError, TypeError, ValueError):
        raise _unreadable("an item has no status") from None
    if status == 409:
        # What it says is not read: of 500,000 documents it would cost 1.3 s.
        return _CONFLICT
    if error is None:
        # A delete of what is not there is a 404, and no error.
        return _DONE if 200 <= status < 300 or status == 404 else _fault(Complaint(status))
    complaint = Complaint(status, *said(error)) if isinstance(error, dict) else Complaint(status)
    return _fault(complaint)


def _fault(complaint: Complaint) -> Item:
    return Item(_BY_FAULT[complaint.fault], complaint)


def _unreadable(why: str) -> TransientError:
    return TransientError(f"Elasticsearch: the answer can't be read, {why}")
