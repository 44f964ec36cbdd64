"""Posts one body and reads what became of each of its documents."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from headrace.errors import TransientError
from headrace_runner.targets.elasticsearch.acknowledged import BadRow, Tally
from headrace_runner.targets.elasticsearch.answers import Ask, Item, Outcome, are_all_conflicts, is_clean, items_of
from headrace_runner.targets.elasticsearch.bodies import Body, Limit
from headrace_runner.targets.elasticsearch.problems import Complaint, Fault, complaint_of
from headrace_runner.targets.elasticsearch.transport import Answer, Connection

REASONS_AT_ONCE = Limit(documents=500)
"""A reason is up to 1 KB."""
_OVERLOADED = (429, 503)
_TOO_LARGE = 413


@dataclass(slots=True)
class Delivered:
    """What became of a body, as far as could be told."""

    tallies: defaultdict[int, Tally] = field(default_factory=lambda: defaultdict(Tally))
    """Of documents that need no more, by batch."""
    left: list[Body] = field(default_factory=list)
    """Still to be posted."""
    trouble: TransientError | None = None
    """Why not all is done: wait before `left` is posted."""
    refused: int | None = None
    """Elasticsearch had too much to do to take so many documents at once."""
    too_large: int | None = None
    """It takes no body of so many bytes."""

    def put_off(self, body: Body, error: TransientError) -> None:
        """Nothing is known of these documents but that they are not all done."""
        self.left.append(body)
        self.trouble = error


class Delivery:
    """Posts to one index over one connection.

    `check` raises when the fence is lost. It is asked before each request: a deleted document's version is forgotten
    after a minute (`index.gc_deletes`), and with it that an older one must not come back.
    """

    def __init__(self, connection: Connection, path: str, check: Callable[[], None], *, wants_status: bool) -> None:
        """`path` is `bulk_path`'s."""
        self._connection = connection
        self._path = f"{path}&filter_path="
        self._check = check
        self._wants_status = wants_status

    def post(self, body: Body) -> Delivered:
        """Posts a body; raises PermanentError when nothing gets in, and whatever the fence raises."""
        delivered = Delivered()
        self._post(body, Ask.STATUSES if self._wants_status else Ask.ERRORS, delivered)
        return delivered

    def _post(self, body: Body, ask: Ask, delivered: Delivered) -> None:
        self._check()
        try:
            answer = self._connection.request("POST", self._path + ask.value, body.data)
            items = self._read(body, ask, answer)
        except TransientError as error:
            delivered.put_off(body, error)
            return
        if isinstance(items, Complaint):
            self._refused(body, items, delivered)
        elif isinstance(items, Outcome):
            for batch, count in body.owners:
                self._count(delivered.tallies[batch], items, count)
        elif items is None:
            # What is done by now answers with a conflict, what is bad with its status.
            self._post(body, Ask.STATUSES, delivered)
        else:
            self._settle(body, ask, items, delivered)

    def _read(self, body: Body, ask: Ask, answer: Answer) -> Sequence[Item] | Outcome | Complaint | None:
        """The items; or what became of all of them; or what the server says of the body; or None: there were errors."""
        if answer.status != 200:
            return complaint_of(answer.status, answer.body)
        if ask is Ask.ERRORS:
            return Outcome.DONE if is_clean(answer.body) else None
        if are_all_conflicts(answer.body, len(body)):
            return Outcome.CONFLICT
        return items_of(answer.body, len(body))

    def _refused(self, body: Body, complaint: Complaint, delivered: Delivered) -> None:
        if complaint.fault is Fault.PASSING:
            self._put_off(body, complaint, delivered)
        elif complaint.fault is Fault.LASTING:
            raise complaint.translate()
        elif len(body) == 1:
            # One bad document may make Elasticsearch refuse the whole body: it is found by halving.
            delivered.tallies[body.batches()[0]].bad.append(_bad_row(body.lines([0])[0], complaint))
        else:
            delivered.left += body.halves()
            if complaint.status == _TOO_LARGE:
                delivered.too_large = len(body.data)

    def _settle(self, body: Body, ask: Ask, items: Sequence[Item], delivered: Delivered) -> None:
        by_outcome = _positions(items)
        batches = body.batches()
        for outcome in (Outcome.DONE, Outcome.CONFLICT):
            for batch, count in Counter(batches[position] for position in by_outcome[outcome]).items():
                self._count(delivered.tallies[batch], outcome, count)
        for outcome, ask_for_reasons in ((Outcome.STOP, self._stop), (Outcome.BAD, self._bad)):
            if by_outcome[outcome]:
                ask_for_reasons(body, ask, items, by_outcome[outcome], delivered)
        again = by_outcome[Outcome.AGAIN]
        if again:
            complaint = items[again[0]].complaint
            assert complaint is not None
            self._put_off(body.only(again), complaint, delivered)

    def _count(self, tally: Tally, outcome: Outcome, count: int) -> None:
        if outcome is Outcome.CONFLICT and self._wants_status:
            tally.unchanged += count
        else:
            # A drawn version that is there was sent before, by this process or by one that died.
            tally.written += count

    def _stop(
        self, body: Body, ask: Ask, items: Sequence[Item], positions: Sequence[int], delivered: Delivered
    ) -> None:
        complaint = items[positions[0]].complaint
        assert complaint is not None
        if ask is Ask.REASONS:
            raise complaint.translate()
        if len(positions) > 1:
            delivered.left.append(body.only(positions[1:]))
        self._post(body.only(positions[:1]), Ask.REASONS, delivered)

    def _bad(self, body: Body, ask: Ask, items: Sequence[Item], positions: Sequence[int], delivered: Delivered) -> None:
        if ask is not Ask.REASONS:
            for part in body.only(positions).parts(REASONS_AT_ONCE):
                self._post(part, Ask.REASONS, delivered)
            return
        batches = body.batches()
        for position, lines in zip(positions, body.lines(positions), strict=True):
            complaint = items[position].complaint
            assert complaint is not None
            delivered.tallies[batches[position]].bad.append(_bad_row(lines, complaint))

    def _put_off(self, body: Body, complaint: Complaint, delivered: Delivered) -> None:
        delivered.put_off(body, TransientError(f"Elasticsearch: {complaint}"))
        if complaint.status in _OVERLOADED:
            delivered.refused = len(body)


def bulk_path(index: str, *, require_alias: bool) -> str:
    """Where bodies are posted to.

    A bulk to an index that is gone makes another one, with guessed types, unless it asks for an alias.
    """
    return f"/{quote(index, safe='')}/_bulk?require_alias={'true' if require_alias else 'false'}"


def _positions(items: Sequence[Item]) -> "defaultdict[Outcome, list[int]]":
    positions: defaultdict[Outcome, list[int]] = defaultdict(list)
    for position, item in enumerate(items):
        positions[item.outcome].append(position)
    return positions


def _bad_row(lines: tuple[bytes, bytes], complaint: Complaint) -> BadRow:
    action, document = lines
    (described,) = json.loads(action).values()
    reason = str(complaint)
    if complaint.status == _TOO_LARGE:
        reason = (
            f"the document has {len(document)} bytes, more than the server, or a proxy before it, takes in one request"
            " (http.max_content_length): select less of it, or raise that limit"
        )
    return BadRow(
        document_id=str(described["_id"]),
        document=document,
        error_type=complaint.type or ("content_too_long_exception" if complaint.status == _TOO_LARGE else "unknown"),
        reason=reason,
    )
