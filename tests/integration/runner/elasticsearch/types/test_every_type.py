"""Every type arrives as JSON that Elasticsearch takes: what it stores is byte for byte what Postgres itself writes."""

import json
import re
import urllib.request

import pytest
from tests.integration.runner.elasticsearch.conftest import IndexRig
from tests.integration.runner.types.test_every_type import (
    AS_TEXT,
    EXTENSIONS,
    OWN_TYPES,
    SHIPPED,
    columns_of,
    literal,
)

# What is not written as to_json does it. `{}` is the column.
OUTSIDE_OF_STRINGS = r"translate(to_json({})::text, E'\n\r', '  ')::json"
OTHERWISE = {
    "bytea": "to_json(replace(encode({}, 'base64'), E'\\n', ''))",
    "point": "CASE WHEN {0} IS NOT NULL THEN replace(json_build_array({0}[0], {0}[1])::text, ' ', '')::json END",
    **dict.fromkeys(["json", "json[]", "pair[]", "nest[]", "couple[]"], OUTSIDE_OF_STRINGS),
}
MADE_BY_SOMEBODY = {"floats", *(name for types in EXTENSIONS.values() for name in types)} - {"citext", "hstore"}
TIMES = ("infinity", "-infinity", "4713-01-01 BC", "0044-03-15 BC", "5874897-12-31")
TIMES += ("4713-01-01 00:00:00 BC", "294276-12-31 23:59:59.999999", "4713-01-01 00:00:00Z BC")
NO_NUMBERS = ("NaN", "Infinity", "-Infinity", "1e400")
HIT = re.compile(r'"_id":"(\d+)","_score":1.0,"_source":(.*?)}(?=,{"_index"|]}})', re.DOTALL)
# What Elasticsearch can't hold, beside null, in a field of the type that it gets: a bad row.
REFUSED = {
    **dict.fromkeys(["real", "double precision", "numeric", "numeric(8,3)", "price"], NO_NUMBERS),
    **dict.fromkeys(["date", "timestamp", "timestamptz"], TIMES),
    "json": ('{"a":1,"a":2}', '"\\u00e4\\n"', "[1.0]", "[1.00]"),
    "jsonb": ('"\\u00e4\\n"', "1e1000"),
    "point": ("(NaN,Infinity)",),
}


@pytest.fixture(params=["wheel", pytest.param("debian", marks=pytest.mark.debian_postgres)])
def own_types(request, index_rig):
    """A rig whose source has every type there is on its server."""
    made = index_rig
    if request.param == "debian":
        rig = request.getfixturevalue("debian_rig")
        made = IndexRig(rig.source, rig.store, index_rig.url, index_rig.index)
    made.on_source(*OWN_TYPES)
    for (name,) in made.on_source("SELECT name FROM pg_available_extensions"):
        if name in EXTENSIONS:
            made.on_source(f"CREATE EXTENSION {name}")
    return made


def test_a_value_of_every_type_is_stored_as_postgres_writes_it(own_types):
    extensions = {name: values for types in EXTENSIONS.values() for name, values in types.items()}
    types = columns_of(own_types, SHIPPED | AS_TEXT | extensions)
    rows = [(name, value) for name, values in types.items() for value in (f"NULL::{name}", *values)]
    names = {name: f"c{number}" for number, name in enumerate(types)}
    own_types.on_source(
        f"CREATE TABLE rows (id int PRIMARY KEY, {', '.join(f'{names[name]} {name}' for name in types)})",
        "; ".join(
            f"INSERT INTO rows (id, {names[name]}) VALUES ({number}, {value})"
            for number, (name, value) in enumerate(rows)
        ),
    )
    own_types.load("SELECT * FROM rows", max_bad_rows=len(rows))
    bad = {str(number) for number, (name, value) in enumerate(rows) if is_refused(name, value)}
    assert {rows[int(number)] for number in own_types.letters()} == {rows[int(number)] for number in bad}
    items = ", ".join(f"{expected_form(name).format(names[name])} AS {names[name]}" for name in types)
    written = dict(
        own_types.on_source(f"SELECT id::text, row_to_json(q)::text FROM (SELECT id, {items} FROM rows) AS q")
    )
    stored = sources_of(own_types)
    assert stored.keys() == written.keys() - bad
    assert [number for number in stored if stored[number] != written[number]] == []


def is_refused(name, value):
    base = name.removesuffix("[]")
    return any(f"{literal(refused)}::{base}" in value for refused in REFUSED.get(base, ()))


def expected_form(name):
    if name in OTHERWISE:
        return OTHERWISE[name]
    if name.removesuffix("[]") in MADE_BY_SOMEBODY:
        return "to_json({}::text[])" if name.endswith("[]") else "to_json({}::text)"
    return "to_json({})"


def sources_of(rig):
    """All documents, letter by letter."""
    rig.call("POST", f"/{rig.index}/_refresh")
    # Not with a filter_path: by that numbers are read, and written otherwise.
    with urllib.request.urlopen(f"{rig.url}/{rig.index}/_search?size=10000", timeout=60) as answer:
        return dict(HIT.findall(answer.read().decode()))


FOUND = {
    "bigint": ("9007199254740993", {"term": {"v": 9007199254740993}}),
    "numeric(18,0)": ("999999999999999999", {"term": {"v": 999999999999999999}}),
    "numeric(10,2)": ("12.50", {"range": {"v": {"gt": 12.4, "lt": 12.6}}}),
    "double precision": ("0.1", {"term": {"v": 0.1}}),
    "boolean": ("t", {"term": {"v": True}}),
    "uuid": ("00000000-0000-0000-0000-00000000000A", {"term": {"v": "00000000-0000-0000-0000-00000000000a"}}),
    "text": ("The Quick, Brown", {"match": {"v": "quick"}}),
    "character varying(20)": ("The Quick", {"term": {"v.keyword": "The Quick"}}),
    "text[]": ("{one,two}", {"term": {"v.keyword": "two"}}),
    "date": ("2024-02-29", {"range": {"v": {"gte": "2024-02-29", "lte": "2024-02-29"}}}),
    "timestamp": ("2024-02-29 12:00:00", {"term": {"v": "2024-02-29T12:00:00Z"}}),
    "timestamptz": ("2024-02-29 12:00:00+02", {"range": {"v": {"lte": "2024-02-29T10:00:00Z"}}}),
    "date[]": ("{2024-02-29,2024-03-01}", {"range": {"v": {"gte": "2024-03-01"}}}),
    "jsonb": ('{"a": {"b": ["x", "y"]}}', {"term": {"v.a.b": "y"}}),
    "json": ('{\n"a":\r\n"x"}', {"term": {"v.a": "x"}}),
    "inet": ("10.0.0.1/24", {"term": {"v": "10.0.0.1/24"}}),
    "interval": ("1 day", {"term": {"v": "1 day"}}),
    "int4range": ("[1,5)", {"term": {"v": "[1,5)"}}),
    "point": (
        "(13.4,52.5)",
        {"geo_distance": {"distance": "1km", "v": {"lat": 52.5, "lon": 13.4}}},
    ),
    "mood": ("sad", {"term": {"v": "sad"}}),
    "pair": ("(1,x)", {"term": {"v.b": "x"}}),
    "oid": ("4294967295", {"term": {"v": 4294967295}}),
}


def test_what_was_loaded_is_found_by_its_value(index_rig):
    index_rig.on_source(*OWN_TYPES)
    columns = ", ".join(f'"{number}" {name}' for number, name in enumerate(FOUND))
    values = ", ".join(literal(value) for value, _ in FOUND.values())
    index_rig.on_source(f"CREATE TABLE rows (id int PRIMARY KEY, {columns})", "INSERT INTO rows (id) VALUES (2)")
    index_rig.on_source(f"INSERT INTO rows VALUES (1, {values})")
    index_rig.load("SELECT * FROM rows")
    index_rig.call("POST", f"/{index_rig.index}/_refresh")
    found = {
        name: [hit["_id"] for hit in search(index_rig, json.loads(json.dumps(query).replace('"v', f'"{number}')))]
        for number, (name, (_, query)) in enumerate(FOUND.items())
    }
    assert found == {name: ["1"] for name in FOUND}


def search(rig, query):
    return rig.call("POST", f"/{rig.index}/_search", {"query": query})["hits"]["hits"]
