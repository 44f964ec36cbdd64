"""The statement that makes documents of rows."""

from headrace_runner.postgres.wire import edge_of
from headrace_runner.projection import DocumentField, Documents, Field, JsonForm, Projection
from headrace_runner.protocols import Position
from headrace_runner.shape import SourceColumn
from headrace_runner.sources.postgres.select import Select, as_stream


def column(name, type_name, base):
    return SourceColumn(name=name, type_name=type_name, is_builtin=True, is_text=base == "text", base=base)


COLUMNS = [
    *(column("id", "uuid", "uuid"), column("t", "text", "text"), column("n", "numeric", "numeric")),
    *(column("d", "jsonb", "jsonb"), column("at", "timestamp with time zone", "timestamptz")),
]
SELECT = Select(query="SELECT 1", byte_order='"C"', columns={column.name: column for column in COLUMNS})
UUID, TEXT = Field(name="id", type_name="uuid"), Field(name="t", type_name="text", is_text=True)
Q = "(SELECT 1\n) AS q"


def projection(*keys, cursor=None, **fields):
    documents = Documents(fields=(DocumentField(name="t"), DocumentField(name="d", form=JsonForm.TEXT)), **fields)
    return Projection(keys=keys, others=(), cursor=cursor, binary=False, documents=documents)


def test_a_full_read_has_one_version_and_a_key_that_needs_no_escape():
    wanted = projection(UUID)
    assert as_stream(wanted, SELECT.rows(wanted, Position(), version=7)) == (
        """COPY (SELECT q."id"::uuid::text, '{"index":{"_id":"' || q."id"::uuid::text ||"""
        """ '","version":7,"version_type":"external"}}',"""
        """ pg_catalog.row_to_json((SELECT dd FROM (SELECT q."t" AS "t", q."d"::text AS "d") AS dd))"""
        f""" FROM {Q} ORDER BY q."id"::uuid) TO STDOUT"""
        r""" (FORMAT csv, DELIMITER E'\x02', QUOTE E'\x01', ENCODING 'UTF8')"""
    )


def test_with_a_cursor_rows_are_numbered_in_the_order_they_come_in():
    statement = SELECT.rows(projection(UUID, cursor="at"), Position(), version=7)
    order = 'q."at", q."id"::uuid'
    assert f"(7 + pg_catalog.row_number() OVER (ORDER BY {order}))" in statement
    assert statement.endswith(f"""WHERE q."at" IS NOT NULL ORDER BY {order} LIMIT 1048575""")


def test_with_a_version_column_a_cursor_needs_no_numbers():
    statement = SELECT.rows(projection(UUID, cursor="at", version_column="at"), Position())
    assert "row_number" not in statement
    assert "LIMIT" not in statement


def test_keys_that_are_equal_and_look_different_are_ordered_by_their_looks_too():
    statement = SELECT.rows(projection(Field(name="n", type_name="numeric")), Position())
    assert statement.endswith('ORDER BY q."n"::numeric, q."n"::numeric::text COLLATE "C"')
    assert SELECT.rows(projection(TEXT), Position()).endswith('ORDER BY q."t"::text COLLATE "C"')


def test_rows_are_read_by_their_keys_in_the_keys_types():
    statement = SELECT.keyed(projection(UUID, TEXT), 7)
    assert (
        'WHERE (q."id"::uuid, q."t"::text) IN (SELECT (k.key ->> 0)::uuid, (k.key ->> 1)::text FROM'
        " pg_catalog.json_array_elements(pg_catalog.current_setting('headrace.keys')::json) AS k(key))"
    ) in statement


def test_an_edge_is_read_off_a_row_or_by_itself():
    assert edge_of(b"a-b\x02{}\x02{}\n", projection(UUID)).key == (b"a-b",)
    assert edge_of(b"", projection(UUID)).key == (None,)
    edge = edge_of('["2024","x\\u0002ä",null]\x02{}\x02{}\n'.encode(), projection(UUID, TEXT, cursor="at"))
    assert (edge.value, edge.key) == (b"2024", ("x\x02ä".encode(), None))
    assert edge_of(b'["[1]"]', projection(TEXT)).key == (b"[1]",)
