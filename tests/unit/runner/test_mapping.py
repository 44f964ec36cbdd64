"""What a query's columns become in an index."""

import pytest

from headrace.errors import PermanentError
from headrace.runspec import RunSpec
from headrace_runner.projection import Field, JsonForm
from headrace_runner.shape import Shape, SourceColumn
from headrace_runner.targets.elasticsearch.mapping import count_fields, documents_of, key_fields, refuse_full

KEYWORD = {"type": "keyword", "ignore_above": 8191}
TEXT = {"type": "text", "fields": {"keyword": {"type": "keyword", "ignore_above": 256}}}
FLATTENED = {"type": "flattened", "ignore_above": 4096}


def numeric(precision, scale):
    return ((precision << 16) | (scale & 0x7FF)) + 4


def column(base, name="v", **facts):
    values = {"type_name": base, "is_builtin": True, "is_text": base == "text", "base": base, **facts}
    return SourceColumn(name=name, **values)


def spec(**fields):
    values = {"installation": "i", "namespace": "n", "pipeline_name": "p", "pipeline_uid": "u", "query": "SELECT"}
    return RunSpec(run_id="r", target_kind="elasticsearch", target_schema="", target_table="t", **values, **fields)


def mapped(*columns, key=("id",), **fields):
    return documents_of(Shape(columns), spec(**fields), key)


@pytest.mark.parametrize(
    ("source", "field", "form"),
    [
        (column("int2"), {"type": "short"}, JsonForm.PLAIN),
        (column("int4"), {"type": "integer"}, JsonForm.PLAIN),
        (column("int8", is_array=True), {"type": "long"}, JsonForm.PLAIN),
        (column("numeric"), {"type": "double"}, JsonForm.PLAIN),
        (column("numeric", base_modifier=numeric(18, 0)), {"type": "long"}, JsonForm.PLAIN),
        (column("numeric", base_modifier=numeric(19, 0)), {"type": "double"}, JsonForm.PLAIN),
        (column("numeric", base_modifier=numeric(5, 2)), {"type": "double"}, JsonForm.PLAIN),
        (column("numeric", base_modifier=numeric(5, -2)), {"type": "double"}, JsonForm.PLAIN),
        (column("float4"), {"type": "float"}, JsonForm.PLAIN),
        (column("float8"), {"type": "double"}, JsonForm.PLAIN),
        (column("bool"), {"type": "boolean"}, JsonForm.PLAIN),
        (column("timestamptz"), {"type": "date"}, JsonForm.PLAIN),
        (column("uuid"), KEYWORD, JsonForm.PLAIN),
        (column("interval"), KEYWORD, JsonForm.PLAIN),
        (column("text"), TEXT, JsonForm.PLAIN),
        (column("varchar", is_array=True), TEXT, JsonForm.PLAIN),
        (column("jsonb"), FLATTENED, JsonForm.PLAIN),
        (column("json"), FLATTENED, JsonForm.JSON),
        (column("json", is_array=True), FLATTENED, JsonForm.JSON),
        (column("record", kind="p"), FLATTENED, JsonForm.JSON),
        (column("bytea"), {"type": "binary"}, JsonForm.BASE64),
        (column("bytea", is_array=True), KEYWORD, JsonForm.PLAIN),
        (column("point"), {"type": "geo_point"}, JsonForm.GEO_POINT),
        (column("point", is_array=True), KEYWORD, JsonForm.PLAIN),
        (column("mood", kind="e", base_is_builtin=False), KEYWORD, JsonForm.PLAIN),
        (column("pair", kind="c", base_is_builtin=False), FLATTENED, JsonForm.JSON),
        (column("citext", base_is_builtin=False), TEXT, JsonForm.PLAIN),
        (column("hstore", base_is_builtin=False), FLATTENED, JsonForm.PLAIN),
        (column("ltree", base_is_builtin=False), KEYWORD, JsonForm.TEXT),
        (column("text", base_is_builtin=False), KEYWORD, JsonForm.TEXT),
    ],
)
def test_a_type_has_a_field_and_a_form(source, field, form):
    (document,), mapping = mapped(source)
    assert (mapping, document.form) == ({"properties": {"v": field}}, form)


@pytest.mark.parametrize("base", ["text", "uuid", "inet"])
def test_a_key_is_found_by_its_whole_text(base):
    assert mapped(column(base, "id"))[1] == {"properties": {"id": {"type": "keyword"}}}


def test_a_mapping_that_is_given_wins_and_the_forms_stay():
    given = {"dynamic": "strict", "properties": {"v": {"type": "wildcard"}}}
    (document,), mapping = mapped(column("bytea"), mapping=given)
    assert (mapping, document.form) == (given, JsonForm.BASE64)


def test_a_name_with_dots_is_a_path():
    _, mapping = mapped(column("bool", "a.b"), column("bool", "a.c.d"), column("bool", "e"))
    boolean = {"type": "boolean"}
    below = {"b": boolean, "c": {"properties": {"d": boolean}}}
    assert mapping == {"properties": {"a": {"properties": below}, "e": boolean}}
    assert count_fields(mapping) == 5


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["_id"], '"_id": every document has a field "_id" for itself'),
        (["_source"], '"_source": every'),
        (["_version.x"], '"_version.x": every document has a field "_version"'),
        (["a..b"], "before, between and after its dots"),
        ([".a"], "before, between and after its dots"),
        (["a."], "before, between and after its dots"),
        ([" "], "before, between and after its dots"),
        (["a. .b"], "before, between and after its dots"),
        ([".".join("abcdefghijklmnopqrstu")], "at most 20 deep"),
        (["a.b.c", "a"], '"a.b.c": the query also gives "a", which can not be a value and an object'),
        (["a.b", "a.b.c"], '"a.b.c": the query also gives "a.b"'),
    ],
)
def test_a_name_that_no_document_can_have_is_refused(names, words):
    with pytest.raises(PermanentError) as raised:
        mapped(*(column("bool", name) for name in names))
    assert words in raised.value.message
    assert raised.value.field == "source_query"


@pytest.mark.parametrize("name", ["_x", "a b", "Ä", "*", "a.b", ".".join("abcdefghijklmnopqrst"), "type", "properties"])
def test_other_names_are_taken(name):
    assert mapped(column("bool", name))[0][0].name == name


@pytest.mark.parametrize(
    ("fields", "words", "field"),
    [
        ({"version_column": "x"}, 'no column "x", the version column', "version_column"),
        ({"version_column": "v"}, '"v" has the type text, no whole number', "version_column"),
        ({"soft_delete_column": "x"}, 'no column "x", the soft delete column', "soft_delete_column"),
        ({"soft_delete_column": "v"}, '"v" has the type text, no boolean', "soft_delete_column"),
    ],
)
def test_a_column_that_can_not_be_what_it_is_named_for(fields, words, field):
    with pytest.raises(PermanentError) as raised:
        mapped(column("text"), **fields)
    assert words in raised.value.message
    assert raised.value.field == field


@pytest.mark.parametrize("base", ["int2", "int4", "int8", "oid", "date", "timestamp", "timestamptz"])
def test_what_can_be_a_version(base):
    assert mapped(column(base), version_column="v")


def test_a_key_is_cast_to_its_own_type_and_a_char_to_text():
    shape = Shape(
        (column("bpchar", "a", type_name="character(3)", is_text=True), column("int4", "b", type_name="integer"))
    )
    assert key_fields(shape, ("b", "a")) == (
        Field(name="b", type_name="integer"),
        Field(name="a", type_name="text", is_text=True),
    )
    with pytest.raises(PermanentError, match='no column "c", a key column'):
        key_fields(shape, ("c",))


def test_a_mapping_with_too_many_fields_is_refused_with_both_numbers():
    _, mapping = mapped(*(column("text", f"c{number}") for number in range(501)))
    refuse_full(mapping, "another answer")
    with pytest.raises(PermanentError, match="would have 1002 fields, and may have 1000"):
        refuse_full(mapping, "illegal_argument_exception: Limit of total fields [1000] has been exceeded")
