"""A document's id and the key it was made from."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace_runner.targets.elasticsearch.ids import LONGEST, id_of, key_of

TEXT = st.text(alphabet=st.sampled_from("a|\\:sh256é\U0001f600\n ") | st.characters(exclude_categories=["Cs"]))
KEYS = st.lists(TEXT | st.just("x" * 600) | st.just("sha256:" + "0" * 64), min_size=1, max_size=3).map(tuple)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (("12",), "12"),
        (("a|b\\c",), "a|b\\c"),
        (("a|b", "c\\d"), r"a\|b|c\\d"),
        (("", ""), "|"),
        (("", "", "x"), "||x"),
        (("é" * 256,), "é" * 256),
    ],
)
def test_an_id_shows_the_key(key, expected):
    assert id_of(key) == expected


@pytest.mark.parametrize("key", [("",), ("x" * 513,), ("é" * 257,), ("sha256:abc",), ("sha256:", "b")])
def test_what_is_no_id_becomes_a_hash(key):
    assert id_of(key).startswith("sha256:")
    assert len(id_of(key)) == 71


@given(KEYS)
def test_an_id_leads_back_to_its_key(key):
    names = [f"k{number}" for number in range(len(key))]
    document = json.dumps(dict(zip(names, key, strict=True))).encode()
    assert len(id_of(key).encode()) <= LONGEST
    assert key_of(id_of(key), document, names) == key


@given(KEYS, KEYS)
def test_two_keys_never_have_one_id(one, other):
    if len(one) == len(other) and one != other:
        assert id_of(one) != id_of(other)


def test_numbers_of_a_hashed_key_keep_their_digits():
    document = '{"n": 1.00, "t": "x", "b": true}'
    assert key_of("sha256:0", document.encode(), ["n", "t", "b"]) == ("1.00", "x", "true")
