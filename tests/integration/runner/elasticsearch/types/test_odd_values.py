"""Texts that a format between Postgres and Elasticsearch could break, as values, as keys and as names of columns."""

import hashlib

import pytest

ODD = (
    "",
    " ",
    "\t\\\n\r\x01\x02\x7f 'q' \"",
    "".join(map(chr, range(1, 32))),
    "\\",
    "\\\\N",
    "\\N",
    "\\.",
    "\\u0041 \\ud800 \\u0002",
    "\u2028\u2029\ufeff\uffff",
    "€🐘 ä a\u0308",
    '{"index":{"_id":"1"}}\n{"a":1}\n',
    "</script>",
    "a|b",
    "a\\|b",
    "sha256:",
    "sha256:" + "0" * 64,
    "x" * 512,
    "x" * 513,
    "ä" * 256,
    "ä" * 257,
)


def test_an_odd_text_comes_as_it_is_and_as_a_key_finds_its_document(index_rig):
    make(index_rig, "id text PRIMARY KEY, v text, a text[], j jsonb", ODD)
    query = "SELECT id, v, a, j FROM rows"
    assert index_rig.load(query).rows_written == len(ODD)
    assert index_rig.load(query).rows_written == len(ODD)
    documents = index_rig.documents()
    assert {document["id"]: document for document in documents.values()} == {
        text: {"id": text, "v": text, "a": [text, None], "j": {"k": text}} for text in ODD
    }
    assert {document["id"]: name for name, document in documents.items()} == {text: id_of(text) for text in ODD}


def id_of(text):
    data = text.encode()
    is_odd = not 0 < len(data) <= 512 or text.startswith("sha256:")
    return "sha256:" + hashlib.sha256(data).hexdigest() if is_odd else text


def test_odd_keys_of_two_columns_are_as_many_documents(index_rig):
    index_rig.on_source("CREATE TABLE rows (a text, b text, PRIMARY KEY (a, b))")
    keys = [(one, two) for one in ODD for two in ODD]
    values = ", ".join(f"({literal(one)}, {literal(two)})" for one, two in keys)
    index_rig.on_source(f"INSERT INTO rows VALUES {values}")
    index_rig.load("SELECT a, b FROM rows", key_columns=("a", "b"))
    documents = index_rig.documents()
    assert sorted((document["a"], document["b"]) for document in documents.values()) == sorted(keys)
    assert max(len(name.encode()) for name in documents) <= 512


def test_a_run_continues_after_any_odd_key(index_rig):
    make(index_rig, "id text PRIMARY KEY, v text, a text[], j jsonb", ODD)
    query = "SELECT id, v FROM rows"
    assert index_rig.load(query, batch_size=1, snapshot_seconds=0.0).rows_read == len(ODD)
    index_rig.on_source("UPDATE rows SET v = 'changed'")
    index_rig.load(query, mode="incremental", incremental_key="id", batch_size=1, snapshot_seconds=0.0)
    assert {document["v"] for document in index_rig.documents().values()} == {"changed"}


NAMES = (
    "Quoted",
    "UPPER CASE",
    "ä b",
    'a"b',
    "a'b",
    "a\\b",
    "a%b",
    "%s",
    "d",
    "q",
    "a.b",
    "a.c.d",
    "*",
    "_x",
    "type",
    "🐘",
)


def test_a_field_has_its_columns_name(index_rig):
    columns = ", ".join(quoted(name) + " text" for name in NAMES)
    values = ", ".join(literal(name) for name in NAMES)
    index_rig.on_source(f"CREATE TABLE rows (id int, {columns})", f"INSERT INTO rows VALUES (1, {values})")
    index_rig.load("SELECT * FROM rows")
    assert index_rig.documents() == {"1": {"id": 1} | {name: name for name in NAMES}}
    assert index_rig.load("SELECT * FROM rows").rows_read == 1, "the mapping is still the same one"


@pytest.mark.parametrize("type_name", ["text", "json", "bytea"])
def test_a_value_of_5_megabytes(index_rig, type_name):
    value = {"text": "repeat('ä', 2621440)", "json": "json_build_object('a', repeat('x\n', 2621440))"}
    expression = value.get(type_name, "convert_to(repeat('x', 5242880), 'UTF8')")
    index_rig.on_source(f"CREATE TABLE rows AS SELECT n AS id, {expression} AS v FROM generate_series(1, 3) AS n")
    assert index_rig.load("SELECT * FROM rows").batches in (3, 4)
    index_rig.assert_same(f"SELECT id, {PLAIN.get(type_name, 'v')} AS v FROM rows")


PLAIN = {"bytea": "replace(encode(v, 'base64'), E'\\n', '')"}


def test_json_keeps_what_jsonb_would_not(index_rig):
    index_rig.on_source(
        "CREATE TABLE rows (id int, v json)",
        r"""INSERT INTO rows VALUES (1, '{"b": "\u0000", "a": 1.10e2, "n":
            12345678901234567890.10}')""",
    )
    index_rig.load("SELECT * FROM rows")
    assert index_rig.documents()["1"]["v"] == {"b": "\0", "a": 110.0, "n": 12345678901234567890.10}


def make(rig, columns, texts):
    rig.on_source(f"CREATE TABLE rows ({columns})")
    for text in texts:
        item = literal(text)
        rig.on_source(f"INSERT INTO rows VALUES ({item}, {item}, ARRAY[{item}, NULL], jsonb_build_object('k', {item}))")


def literal(text):
    return "'" + text.replace("'", "''") + "'"


def quoted(name):
    return '"' + name.replace('"', '""') + '"'
