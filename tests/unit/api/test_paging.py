"""Order and pages of lists, and what a call may ask for of them."""

from typing import Annotated

import pytest
from pydantic import TypeAdapter, ValidationError

from headrace_api.paging import Limit, Offset, ordered, page, sorting

SORT = TypeAdapter(Annotated[str, sorting("name", "created_at")])


def items(*values):
    return [{"id": f"id-{n}", "value": value} for n, value in enumerate(values)]


def ids(listed):
    return [item["id"] for item in listed]


@pytest.mark.parametrize("sort", ["name", "-name", "created_at", "-created_at"])
def test_a_list_is_sorted_by_its_fields_both_ways(sort):
    assert SORT.validate_python(sort) == sort


@pytest.mark.parametrize("sort", ["", "-", "--name", "+name", "color", "name,created_at", "name\n", " name", "NAME"])
def test_any_other_order_is_refused(sort):
    with pytest.raises(ValidationError):
        SORT.validate_python(sort)


@pytest.mark.parametrize(
    ("kind", "value", "taken"),
    [
        (Limit, 1, True), (Limit, 100, True), (Limit, 0, False), (Limit, 101, False),
        (Offset, 0, True), (Offset, 2**31 - 1, True), (Offset, -1, False), (Offset, 2**31, False),
    ],
)  # fmt: skip
def test_limit_and_offset_have_bounds(kind, value, taken):
    adapter = TypeAdapter(kind)
    if taken:
        assert adapter.validate_python(value) == value
        return
    with pytest.raises(ValidationError):
        adapter.validate_python(value)


def test_what_has_no_value_comes_last_both_ways():
    assert ids(ordered(items(None, 2, 1, None), "value")) == ["id-2", "id-1", "id-0", "id-3"]
    assert ids(ordered(items(None, 2, 1, None), "-value")) == ["id-1", "id-2", "id-3", "id-0"]


@pytest.mark.parametrize("name", ["created_at", "from", "to"])
def test_times_are_in_their_order_with_and_without_a_fraction(name):
    times = ["2026-01-01T00:00:00.500000Z", "2026-01-01T00:00:00Z", "0999-01-01T00:00:00Z"]
    listed = [{"id": f"id-{n}", name: value} for n, value in enumerate(times)]
    assert ids(ordered(listed, name)) == ["id-2", "id-1", "id-0"]


def test_equal_values_are_in_the_order_of_their_ids_so_that_pages_fit_together():
    assert ids(ordered(items(1, 1, 1), "value")) == ["id-0", "id-1", "id-2"]
    assert ids(ordered(items(1, 1, 1)[::-1], "-value")) == ["id-2", "id-1", "id-0"]


def test_pages_cover_the_list_once():
    whole = ordered(items(3, None, 1, 2, None), "value")
    pages = [page(whole, limit=2, offset=offset) for offset in (0, 2, 4, 6)]
    assert [item for part in pages for item in part] == whole
    assert pages[-1] == []
