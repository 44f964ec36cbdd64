"""A document's id as Postgres makes it: the same as in Python, another one for each key, and never too long."""

import json

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace_runner.projection import DocumentField, Documents, Field, Projection
from headrace_runner.shape import SourceColumn
from headrace_runner.sources.postgres.documents import DocumentItems
from headrace_runner.targets.elasticsearch.ids import HASHED, LONGEST, id_of, key_of

# The characters that mean something more often than others, and texts around the greatest length.
SHORT = st.text(st.sampled_from('\\|ab:ä"\n\x01\x02') | st.characters(exclude_characters="\0", codec="utf-8"))
LONG = st.builds(lambda text, length: (text * LONGEST)[:length], st.text("aä|\\€", min_size=1), st.integers(150, 513))
HASH_ALIKE = st.builds(HASHED.__add__, SHORT)
TEXTS = st.one_of(SHORT, LONG, HASH_ALIKE)
SECONDS = st.datetimes().map(lambda time: str(time.replace(microsecond=0)))
EACH_TIME = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def connection(server):
    with psycopg.connect(server.dsn(), autocommit=True) as made:
        yield made


@EACH_TIME
@given(keys=st.lists(st.tuples(TEXTS), min_size=1, max_size=20, unique=True))
def test_of_one_text(connection, keys):
    hold_for_all(connection, keys, ("text",))


@EACH_TIME
@given(keys=st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=20, unique=True))
def test_of_two_texts(connection, keys):
    hold_for_all(connection, keys, ("text", "text"))


@EACH_TIME
@given(
    keys=st.lists(
        st.tuples(st.integers(-(2**63), 2**63 - 1).map(str), TEXTS, st.booleans().map(lambda b: str(b).lower())),
        min_size=1,
        unique=True,
    )
)
def test_of_a_number_a_text_and_a_boolean(connection, keys):
    hold_for_all(connection, keys, ("int8", "text", "bool"))


@EACH_TIME
@given(keys=st.lists(st.tuples(st.uuids().map(str), SECONDS), unique=True))
def test_of_types_whose_texts_need_no_escape(connection, keys):
    hold_for_all(connection, keys, ("uuid", "timestamp"))


def hold_for_all(connection, keys, types):
    ids = ids_in_postgres(connection, keys, types)
    assert ids == [id_of(key) for key in keys]
    assert len(set(ids)) == len(keys)
    assert all(0 < len(name.encode()) <= LONGEST for name in ids)
    names = [f"k{number}" for number in range(len(types))]
    assert [key_of(name, document(names, key), names) for name, key in zip(ids, keys, strict=True)] == keys


def document(names, key):
    return json.dumps(dict(zip(names, key, strict=True))).encode()


def ids_in_postgres(connection, keys, types):
    names = [f"k{number}" for number in range(len(types))]
    columns = {
        name: SourceColumn(name=name, type_name=base, is_builtin=True, is_text=base == "text", base=base)
        for name, base in zip(names, types, strict=True)
    }
    fields = tuple(Field(name=name, type_name=base) for name, base in zip(names, types, strict=True))
    documents = Documents(fields=tuple(DocumentField(name=name) for name in names))
    projection = Projection(keys=fields, others=(), binary=False, documents=documents)
    _, action, _ = DocumentItems(projection, documents, columns, is_utf8=True).items(1, "k0")
    arrays = ", ".join(f"%s::text[]::{base}[]" for base in types)
    rows = f"unnest({arrays}) WITH ORDINALITY AS q({', '.join(names)}, n)"
    query = f"SELECT {action.replace('%', '%%')} FROM {rows} ORDER BY n"
    values = [list(column) for column in zip(*keys, strict=True)] or [[] for _ in types]
    return [json.loads(line)["index"]["_id"] for (line,) in connection.execute(query.encode(), values)]
