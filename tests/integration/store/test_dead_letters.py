"""Dead letters: one for each document, with the latest refusal, until a run that saw everything did without it."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from headrace.runspec import RunSpec
from headrace.store.dead_letters import DOCUMENT_BYTES, Letter, document_ids, drop, drop_older, keys, save
from headrace.store.progress import Progress, Reporter, report
from headrace.store.records import RunRecord
from headrace.store.store import Store

Runner = psycopg.Connection[Any]


@pytest.fixture
def spec(new_run: Callable[..., RunRecord], spec_of: Callable[[RunRecord], RunSpec]) -> RunSpec:
    """A run of `film-dim`."""
    return spec_of(new_run())


def letter(number: int = 1, **changes: Any) -> Letter:
    values: dict[str, Any] = {
        "document_id": str(number),
        "key": (str(number),),
        "document": b'{"id":%d}' % number,
        "error_type": "document_parsing_exception",
        "reason": "failed to parse field [rating]",
    }
    return Letter(**{**values, **changes})


def begin(runner: Runner, spec: RunSpec, first_version: int) -> None:
    """The fence says where what a run has seen begins."""
    runner.execute(
        """
        INSERT INTO headrace.target_fences (installation, namespace, pipeline_name, first_version)
        VALUES (%s, %s, %s, %s)
        ON CONFLICT (installation, namespace, pipeline_name) DO UPDATE SET first_version = excluded.first_version
        """,
        (spec.installation, spec.namespace, spec.pipeline_name, first_version),
    )


async def test_a_letter_is_read_as_it_was_written(store: Store, runner: Runner, spec: RunSpec) -> None:
    save(runner, spec, [letter(document_id="a|b", key=("a", "b"), document='{"name":"ü"}'.encode())])
    (found,) = await store.list_dead_letters(spec.pipeline_uid, limit=9)
    assert (found.document_id, found.key, found.document, found.is_cut) == ("a|b", ["a", "b"], '{"name":"ü"}', False)
    assert (found.error_type, found.reason) == ("document_parsing_exception", "failed to parse field [rating]")
    assert (found.pipeline_uid, found.run_id) == (spec.pipeline_uid, spec.run_id)
    assert abs((found.created_at - datetime.now(UTC)).total_seconds()) < 60


async def test_the_latest_refusal_of_a_document_is_the_one_that_stays(
    store: Store, runner: Runner, spec: RunSpec
) -> None:
    later = replace(spec, run_id=str(uuid4()))
    save(runner, spec, [letter(1), letter(2), letter(1, reason="twice in one batch")])
    save(runner, later, [letter(1, reason="again")])
    found = await store.list_dead_letters(spec.pipeline_uid, limit=9)
    assert [(one.document_id, one.reason, one.run_id) for one in found] == [
        ("1", "again", later.run_id),
        ("2", "failed to parse field [rating]", spec.run_id),
    ]


@pytest.mark.parametrize(
    ("document", "text", "is_cut"),
    [
        (b"", "", False),
        (b"x" * DOCUMENT_BYTES, "x" * DOCUMENT_BYTES, False),
        (b"x" * (DOCUMENT_BYTES + 1), "x" * DOCUMENT_BYTES, True),
        (b"x" * (DOCUMENT_BYTES - 1) + "ü".encode(), "x" * (DOCUMENT_BYTES - 1), True),
        (b'"\\u0000"', '"\\u0000"', False),
        (b'"a\0b"', '"a\N{REPLACEMENT CHARACTER}b"', False),
        (b'"\xff\xed\xa0\x80"', '"' + 4 * "\N{REPLACEMENT CHARACTER}" + '"', False),
    ],
    ids=["empty", "as large as it may be", "larger", "cut in a character", "escaped NUL", "NUL", "no UTF-8"],
)
async def test_any_document_can_be_kept(
    store: Store, runner: Runner, spec: RunSpec, document: bytes, text: str, is_cut: bool
) -> None:
    save(runner, spec, [letter(document=document)])
    (found,) = await store.list_dead_letters(spec.pipeline_uid, limit=9)
    assert (found.document, found.is_cut) == (text, is_cut)


async def test_what_a_server_says_is_bounded_and_can_be_kept(store: Store, runner: Runner, spec: RunSpec) -> None:
    save(runner, spec, [letter(reason="a\0\ud800" + "x" * 5000, error_type="e\0", key=("\0",))])
    (found,) = await store.list_dead_letters(spec.pipeline_uid, limit=9)
    assert len(found.reason) == 2000
    assert found.reason.startswith("a\N{REPLACEMENT CHARACTER}?xx")
    assert found.key == ["\N{REPLACEMENT CHARACTER}"]


async def test_they_are_paged_latest_first_and_counted(store: Store, runner: Runner, spec: RunSpec) -> None:
    save(runner, spec, [letter(number) for number in range(10)])
    save(runner, replace(spec, pipeline_name="other", pipeline_uid=str(uuid4())), [letter(1)])
    uid = spec.pipeline_uid
    pages = [await store.list_dead_letters(uid, limit=4, offset=offset) for offset in (0, 4, 8, 12, 10**30)]
    assert [one.document_id for page in pages for one in page] == [str(number) for number in range(9, -1, -1)]
    assert await store.count_dead_letters(uid) == 10


@pytest.mark.parametrize("text", ["", "nonsense", "\0"])
async def test_what_is_no_uuid_has_none(store: Store, text: str) -> None:
    assert await store.list_dead_letters(text, limit=1) == []
    assert await store.count_dead_letters(text) == 0


def test_a_run_that_saw_everything_drops_what_it_did_not_put_aside_itself(runner: Runner, spec: RunSpec) -> None:
    begin(runner, spec, 7)
    save(runner, spec, [letter(1), letter(2)])
    later = replace(spec, run_id=str(uuid4()))
    begin(runner, spec, 8)
    save(runner, later, [letter(2), letter(3)])
    drop_older(runner, later)
    assert document_ids(runner, later) == {"2", "3"}
    assert keys(runner, later) == [("2",), ("3",)]


def test_a_run_that_continues_a_failed_one_keeps_its_letters(runner: Runner, spec: RunSpec) -> None:
    begin(runner, spec, 7)
    save(runner, spec, [letter(1)])
    later = replace(spec, run_id=str(uuid4()))
    save(runner, later, [letter(2)])
    drop_older(runner, later)
    assert document_ids(runner, later) == {"1", "2"}


def test_those_of_other_pipelines_stay(runner: Runner, spec: RunSpec) -> None:
    other = replace(spec, pipeline_name="other", pipeline_uid=str(uuid4()))
    begin(runner, spec, 7)
    begin(runner, other, 7)
    save(runner, spec, [letter(1), letter(2)])
    save(runner, other, [letter(1)])
    begin(runner, spec, 8)
    drop(runner, spec, [("2",), ("absent",)])
    assert (keys(runner, spec), keys(runner, other)) == ([("1",)], [("1",)])
    drop_older(runner, spec)
    assert (keys(runner, spec), keys(runner, other)) == ([], [("1",)])


KEYS = [("1",), ("a", "b"), ("a,b",), ("a|b",), ("",), ("ü\\u0000",), ('"{}', "\\"), ("null",)]


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_the_letter_of_a_key_is_dropped_and_no_other(runner: Runner, spec: RunSpec, key: tuple[str, ...]) -> None:
    save(runner, spec, [letter(number, key=other) for number, other in enumerate(KEYS)])
    drop(runner, spec, [key])
    assert keys(runner, spec) == [other for other in KEYS if other != key]


def test_a_thousand_of_many_are_dropped_at_once(runner: Runner, spec: RunSpec) -> None:
    """One by one, each looks at all of the pipeline's: that took 80 s on a busy machine, and 0.02 s at once."""
    many = 20_000
    runner.execute(
        """
        INSERT INTO headrace.dead_letters (installation, namespace, pipeline_name, pipeline_uid, run_id, document_id,
                                           key, error_type, reason)
        SELECT %s, %s, %s, %s, gen_random_uuid(), n::text, ARRAY[n::text], '', '' FROM generate_series(1, %s) AS n
        """,
        (spec.installation, spec.namespace, spec.pipeline_name, spec.pipeline_uid, many),
    )
    began = time.monotonic()
    drop(runner, spec, [(str(number),) for number in range(1, 1001)])
    assert time.monotonic() - began < 5
    assert len(keys(runner, spec)) == many - 1000


def test_letters_are_written_or_not_with_the_transaction_that_they_are_part_of(runner: Runner, spec: RunSpec) -> None:
    with runner.transaction(force_rollback=True):
        save(runner, spec, [letter(1)])
    assert keys(runner, spec) == []
    save(runner, spec, [])
    drop(runner, spec, [])


async def test_they_are_counted_when_a_run_has_an_outcome(
    store: Store, runner: Runner, new_run: Callable[..., RunRecord], spec_of: Callable[[RunRecord], RunSpec]
) -> None:
    run = new_run()
    await store.save_run(run)
    save(runner, spec_of(run), [letter(1), letter(2)])
    reporter = Reporter(run_id=run.run_id, epoch=1, holder=1)

    async def seen() -> tuple[int, int | None]:
        progress = (await store.observe([run.run_id])).progress[run.run_id]
        return progress.bad_rows, progress.dead_letters

    report(runner, spec_of(run), reporter, Progress(sequence=1, bad_rows=1))
    assert await seen() == (1, None)
    report(runner, spec_of(run), reporter, Progress(sequence=2, bad_rows=2, outcome="DONE"))
    assert await seen() == (2, 2)


async def test_a_page_is_read_from_an_index(runner: Runner, spec: RunSpec) -> None:
    runner.execute(
        """
        INSERT INTO headrace.dead_letters (installation, namespace, pipeline_name, pipeline_uid, run_id, document_id,
                                           key, error_type, reason)
        SELECT 'i', 'n', (n % 100)::text, md5((n % 100)::text)::uuid, gen_random_uuid(), n::text, '{}', '', ''
        FROM generate_series(1, 20000) AS n
        """
    )
    runner.execute("ANALYZE headrace.dead_letters")
    plan = "\n".join(
        line
        for (line,) in runner.execute(
            "EXPLAIN SELECT id FROM headrace.dead_letters WHERE pipeline_uid = md5('1')::uuid ORDER BY id DESC LIMIT 50"
        )
    )
    assert "dead_letters_by_pipeline" in plan
    assert "Sort" not in plan
