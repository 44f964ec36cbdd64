"""Both sides in key order: what only one of them has, and which keys have one order on both."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import PermanentError
from headrace_runner.projection import Field, Projection
from headrace_runner.shape import Shape, SourceColumn
from headrace_runner.targets.elasticsearch.pages import Document
from headrace_runner.targets.elasticsearch.walk import Order, Walk, order_of

NUMBER = Order(("id",), (True,))
TEXT = Order(("id",), (False,))
BOTH = Order(("id", "part"), (True, False))


def document(key, document_id=None):
    return Document(str(key) if document_id is None else document_id, 1, (key, 77))


def walk(order, documents, rows, page=3):
    """What the rows find, and what is extra, in order."""
    pages = iter([documents[start : start + page] for start in range(0, len(documents), page)])
    both = Walk(order, pages)
    there, extra = [], []
    for row in rows:
        is_there, before = both.passes(row)
        there.append(is_there)
        extra += before
    return there, [it.id for it in [*extra, *both.rest()]]


@pytest.mark.parametrize(
    ("keys", "rows", "there", "extra"),
    [
        ([], [], [], []),
        ([1, 2], [], [], ["1", "2"]),
        ([], [1, 2], [False, False], []),
        ([1, 2, 3], [1, 2, 3], [True, True, True], []),
        ([2, 3, 5, 9, 10], [1, 2, 5, 10, 11], [False, True, True, True, False], ["3", "9"]),
        ([-3, 9, 10, 100], [-3, 9, 100], [True, True, True], ["10"]),
    ],
)
def test_of_numbers(keys, rows, there, extra):
    assert walk(NUMBER, [document(key) for key in keys], [f"{row}\n".encode() for row in rows]) == (there, extra)


@given(st.sets(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1)), st.data())
def test_of_texts_in_the_order_of_their_bytes(keys, data):
    ordered = sorted(keys, key=str.encode)
    held = data.draw(st.sets(st.sampled_from(ordered)) if ordered else st.just(set()))
    read = data.draw(st.sets(st.sampled_from(ordered)) if ordered else st.just(set()))
    rows = [key.replace("\\", "\\\\").encode() + b"\n" for key in ordered if key in read]
    documents = [document(key) for key in ordered if key in held]
    there, extra = walk(TEXT, documents, rows)
    assert there == [key in held for key in ordered if key in read]
    assert set(extra) == held - read


def test_of_several_columns():
    rows = [b"1\ta\n", b"1\tb|c\n", b"10\ta\n"]
    documents = [
        Document("1|a", 1, (1, "a", 77)),
        Document(r"1|b\|c", 1, (1, "b|c", 77)),
        Document("2|a", 1, (2, "a", 77)),
    ]
    assert walk(BOTH, documents, rows) == ([True, True, False], ["2|a"])


def test_a_document_of_another_id_is_not_the_rows():
    documents = [document(1, "theirs"), document(1), document(1, "yours")]
    assert walk(NUMBER, documents, [b"1\n", b"2\n"]) == ([True, False], ["theirs", "yours"])


def test_a_document_without_its_key_holds_up_nobody():
    documents = [Document("a", 1, (1, None, 77)), Document("2|x", 1, (2, "x", 77)), Document("b", 1, (None, "x", 77))]
    assert walk(BOTH, documents, [b"2\tx\n"]) == ([True], ["a", "b"])


def test_a_null_in_a_key_is_no_key():
    with pytest.raises(PermanentError, match="key is null"):
        walk(NUMBER, [], [b"\\N\n"])


def column(base, type_name=None, **changes):
    values = {"name": "id", "type_name": type_name or base, "is_builtin": True, "is_text": base == "text", "base": base}
    return SourceColumn(**{**values, **changes})


def order(its_column, field, encoding="UTF8"):
    shape = Shape((its_column,), encoding=encoding)
    projection = Projection(keys=(Field(name=its_column.name, type_name=None),), others=())
    parts = its_column.name.split(".")
    mapping = {"properties": {parts[-1]: field}}
    for part in reversed(parts[:-1]):
        mapping = {"properties": {part: mapping}}
    return order_of(shape, projection, mapping)


KEYWORD = {"type": "keyword"}


@pytest.mark.parametrize(
    ("its_column", "field", "expected"),
    [
        (column("int2"), {"type": "short"}, Order(("id",), (True,))),
        (column("int8"), {"type": "long"}, Order(("id",), (True,))),
        (column("text"), KEYWORD, Order(("id",), (False,))),
        (column("varchar", "character varying(20)"), KEYWORD, Order(("id",), (False,))),
        (column("uuid"), KEYWORD, Order(("id",), (False,))),
        (column("text"), {"type": "text", "fields": {"raw": KEYWORD}}, Order(("id.raw",), (False,))),
        (column("int4", name="a.b"), {"type": "integer"}, Order(("a.b",), (True,))),
    ],
)
def test_keys_that_both_sides_order_alike(its_column, field, expected):
    assert order(its_column, field) == expected


@pytest.mark.parametrize(
    ("its_column", "field", "why"),
    [
        (column("numeric"), {"type": "double"}, "is a numeric"),
        (column("timestamptz"), {"type": "date"}, "is a timestamptz"),
        (column("bpchar", "character(5)"), KEYWORD, "is a character(5)"),
        (column("text", "text[]", is_array=True), KEYWORD, "is a text[]"),
        (column("int4", base_is_builtin=False), {"type": "integer"}, "is a int4"),
        (column("int4"), KEYWORD, "can't be sorted"),
        (column("text"), {"type": "text"}, "can't be sorted"),
        (column("text"), {**KEYWORD, "ignore_above": 256}, "can't be sorted"),
        (column("text"), {**KEYWORD, "normalizer": "lowercase"}, "can't be sorted"),
        (column("text"), {**KEYWORD, "doc_values": False}, "can't be sorted"),
        (column("text"), {}, "can't be sorted"),
    ],
)
def test_keys_that_are_ordered_otherwise(its_column, field, why):
    said = order(its_column, field)
    assert isinstance(said, str)
    assert why in said


def test_texts_of_another_encoding_are_ordered_otherwise():
    assert order(column("text"), KEYWORD, "LATIN1") == 'column "id" is ordered by its bytes in LATIN1, not in UTF-8'
    assert isinstance(order(column("uuid"), KEYWORD, "LATIN1"), Order)
