"""What the source makes of rows for an index: versions, deletions, and rows that can have none."""

import json
from contextlib import closing

import pytest

from headrace.errors import PermanentError
from headrace_runner.projection import Documents, Projection
from headrace_runner.protocols import Position
from headrace_runner.sources.postgres.documents import MOST_ROWS
from headrace_runner.sources.postgres.source import PostgresSource
from headrace_runner.targets.elasticsearch.mapping import documents_of, key_fields

FIRST = 7 << 20
DRAWN = {"mode": "incremental", "incremental_key": "at"}


class Reader:
    """One run's source, and what it may read."""

    def __init__(self, rig, query, key=("id",), **fields):
        spec = rig.spec(query, key_columns=key, **fields)
        self.drawn = []
        self.source = PostgresSource(rig.source, spec, lambda _: None)
        shape = self.source.describe()
        documents, _ = documents_of(shape, spec, key)
        self.projection = Projection(
            keys=key_fields(shape, key),
            others=(),
            cursor=spec.incremental_key,
            binary=False,
            documents=Documents(
                fields=documents,
                version_column=spec.version_column,
                soft_delete_column=spec.soft_delete_column,
                draw_version=None if spec.version_column else self.draw,
            ),
        )
        self.source.check(self.projection)

    def draw(self):
        self.drawn.append(FIRST << len(self.drawn))
        return self.drawn[-1]

    def batches(self, start=None):
        with closing(self.source):
            start = start or Position()
            horizon = self.source.horizon(self.projection, start) if self.projection.cursor else None
            yield from self.source.read(self.projection, start, horizon)


def lines_of(batches):
    """Each row as what is to be done, the id, the version, the document."""
    found = []
    for batch in batches:
        for row in batch.rows.split():
            action, document = row[:-1].split(b"\x02")
            ((verb, values),) = json.loads(action).items()
            assert values["version_type"] == "external"
            found.append((verb, values["_id"], values["version"], json.loads(document) if document else None))
    return found


def test_all_documents_of_a_statement_have_its_version(index_rig):
    reader = Reader(index_rig, "SELECT n AS id FROM generate_series(1, 3) AS n")
    expected = [("index", str(n), FIRST, {"id": n}) for n in (1, 2, 3)]
    assert lines_of(reader.batches()) == expected


def test_with_a_cursor_each_document_has_a_version_above_the_one_before(index_rig):
    reader = Reader(index_rig, "SELECT 4 - n AS id, n AS at FROM generate_series(1, 3) AS n", **DRAWN)
    found = lines_of(reader.batches())
    assert [(name, version) for _, name, version, _ in found] == [("3", FIRST + 1), ("2", FIRST + 2), ("1", FIRST + 3)]


def test_more_rows_than_versions_are_read_by_another_statement(index_rig):
    count = MOST_ROWS + 1000
    query = f"SELECT n AS id, n / 10 AS at FROM generate_series(1, {count}) AS n"
    reader = Reader(index_rig, query, batch_size=20_000, **DRAWN)
    batches = list(reader.batches())
    assert [sum(len(batch.rows) for batch in batches), len(reader.drawn)] == [count, 2]
    assert [batch.final for batch in batches].count(True) == 1
    assert batches[-1].final
    assert batches[-1].last.key == (str(count).encode(),)
    last = json.loads(batches[-1].rows.last.partition(b"\x02")[0])
    assert last["index"]["version"] == reader.drawn[1] + 1001, "the row before is read again, and left out"


def test_more_rows_than_versions_with_one_key_and_one_cursor_end_the_run(index_rig):
    query = f"SELECT 1 AS id, 1 AS at FROM generate_series(1, {MOST_ROWS + 10}) AS n"
    reader = Reader(index_rig, query, batch_size=20_000, **DRAWN)
    with pytest.raises(PermanentError, match="The key identifies no row"):
        list(reader.batches())


@pytest.mark.parametrize(
    ("value", "version"),
    [
        ("0", 0),
        ("7::smallint", 7),
        ("9223372036854775807", 2**63 - 1),
        ("12::numeric(18,0)", 12),
        ("'1970-01-01'::date", 0),
        ("'2024-02-29'::date", 1709164800000000),
        ("'2024-02-29 12:00:00.123457'::timestamp", 1709208000123457),
        ("'2024-02-29 12:00:00.123457+02'::timestamptz", 1709200800123457),
        ("'2106-02-07 06:28:15.999999'::timestamp", 2**32 * 10**6 - 1),
    ],
)
def test_a_column_gives_the_version(index_rig, value, version):
    reader = Reader(index_rig, f"SELECT 1 AS id, {value} AS v", version_column="v")
    assert [found[2] for found in lines_of(reader.batches())] == [version]


@pytest.mark.parametrize(
    "value",
    ["NULL::bigint", "-1", "'1969-12-31'::date", "'infinity'::timestamptz", "'-infinity'::date", "NULL::timestamp"],
)
def test_a_row_without_a_version_is_named(index_rig, value):
    query = f"SELECT n AS id, 'x' AS t, CASE WHEN n = 2 THEN {value} END AS v FROM generate_series(2, 3) AS n"
    with pytest.raises(PermanentError) as raised:
        list(Reader(index_rig, query, ("id", "t"), version_column="v").batches())
    assert '"v" is no version' in raised.value.message
    assert "(id = 2, t = x)" in raised.value.message


@pytest.mark.parametrize(("type_name", "yes", "no"), [("boolean", "true", "false"), ("timestamptz", "now()", "NULL")])
def test_a_soft_delete_has_a_version_and_no_document(index_rig, type_name, yes, no):
    values = f"(1, {yes}::{type_name}), (2, {no}), (3, NULL)"
    reader = Reader(index_rig, f"SELECT * FROM (VALUES {values}) AS q(id, gone)", soft_delete_column="gone")
    found = [(verb, name, version, document is None) for verb, name, version, document in lines_of(reader.batches())]
    assert found == [("delete", "1", FIRST, True), ("index", "2", FIRST, False), ("index", "3", FIRST, False)]


@pytest.mark.parametrize("fields", [{}, DRAWN], ids=["full", "incremental"])
@pytest.mark.parametrize("key", [("a",), ("b",), ("a", "b")])
def test_a_null_in_a_key_is_named(index_rig, key, fields):
    query = "SELECT * FROM (VALUES (1, 'x', 1), (NULL, NULL, 2)) AS q(a, b, at)"
    with pytest.raises(PermanentError, match=f'a row whose key column "{key[0]}" is null'):
        list(Reader(index_rig, query, key, **fields).batches())


@pytest.mark.parametrize("batch_size", [1, 2, 100])
def test_a_key_that_comes_twice_is_named(index_rig, batch_size):
    query = "SELECT unnest(ARRAY[1, 2, 3, 3, 4]) AS id, 'x' AS b"
    with pytest.raises(PermanentError, match=r"two rows with the same key \(id = 3, b = x\)"):
        list(Reader(index_rig, query, ("id", "b"), batch_size=batch_size).batches())


def test_a_key_that_comes_again_where_a_read_continues_is_named(index_rig):
    reader = Reader(index_rig, "SELECT unnest(ARRAY[1, 2, 3, 3, 4]) AS id")
    with pytest.raises(PermanentError, match=r"same key \(id = 3\)"):
        list(reader.batches(Position(key=("3",))))


def test_equal_keys_that_look_different_are_two_documents_and_those_that_look_alike_are_found(index_rig):
    query = "SELECT unnest(ARRAY['1', '1.00', '1.0']::numeric[]) AS id"
    assert [name for _, name, _, _ in lines_of(Reader(index_rig, query).batches())] == ["1", "1.0", "1.00"]
    query = "SELECT unnest(ARRAY['1', '1.00', '1']::numeric[]) AS id"
    with pytest.raises(PermanentError, match=r"same key \(id = 1\)"):
        list(Reader(index_rig, query).batches())


@pytest.mark.parametrize(
    ("key", "wanted", "found"),
    [
        (("id",), [("2",), ("4",), ("77",)], ["2", "4"]),
        (("t",), [("t|2",), ("none",), ("",)], ["t|2"]),
        (("id", "t"), [("2", "t|2"), ("2", "t|3")], ["2|t\\|2"]),
    ],
)
@pytest.mark.parametrize("fields", [{}, DRAWN], ids=["full", "incremental"])
def test_rows_are_read_by_their_keys(index_rig, key, wanted, found, fields):
    query = "SELECT n AS id, 't|' || n AS t, n AS at FROM generate_series(1, 9) AS n"
    reader = Reader(index_rig, query, key, **fields)
    with closing(reader.source):
        batches = list(reader.source.read_keys(reader.projection, wanted))
        assert [name for _, name, _, _ in lines_of(batches)] == found
        assert [batch.final for batch in batches] == [True]
        assert [batch.final for batch in reader.source.read_keys(reader.projection, [])] == [True]


def test_reads_that_continue_draw_a_version_each(index_rig):
    reader = Reader(index_rig, "SELECT n AS id FROM generate_series(1, 3) AS n", batch_size=1, snapshot_seconds=0.0)
    assert [version for _, _, version, _ in lines_of(reader.batches())] == reader.drawn[:3]
