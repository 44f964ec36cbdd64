"""Target addresses are taken letter by letter, and the allow-list's patterns cover what they say."""

import pytest

from headrace.target import Target, is_allowed, parse_target, why_malformed


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("analytics.film_dim", Target("postgres", "analytics", "film_dim")),
        ("Analytics.Film-Dim", Target("postgres", "Analytics", "Film-Dim")),
        ("аналитика.фильмы", Target("postgres", "аналитика", "фильмы")),
        ("es:film_dim", Target("elasticsearch", "", "film_dim")),
        ("es:films-2026.01", Target("elasticsearch", "", "films-2026.01")),
        ("es:фильмы", Target("elasticsearch", "", "фильмы")),
        (f"es:{'x' * 242}", Target("elasticsearch", "", "x" * 242)),
    ],
)
def test_an_address_is_read_and_written_back(text, target):
    assert parse_target(text) == target
    assert str(target) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "a",
        "a.",
        ".b",
        "a.b.c",
        'a."b"',
        "a.b\n",
        "a.\x00b",
        f"a.{'b' * 64}",
        f"a.{'ä' * 32}",
        f"a.{chr(0xD800)}{'b' * 63}",
        "ES:films",
    ],
)
def test_anything_else_is_no_address(text):
    assert parse_target(text) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("es:", "`es:` lacks the index's name"),
        ("es:Film", "must be in lower case"),
        ("es:ФИЛЬМЫ", "must be in lower case"),
        ("es:_all", "can't begin with `_`"),
        ("es:-films", "can't begin with `-`"),
        ("es:+films", "can't begin with `+`"),
        ("es:.", "names that begin with a point"),
        ("es:..", "names that begin with a point"),
        ("es:.security", "names that begin with a point"),
        ("es:film*", "can't have a `*` in it"),
        ("es:*", "can't have a `*` in it"),
        ("es:a/b", "can't have a `/` in it"),
        ("es:a\\b", "can't have a `\\` in it"),
        ("es:a?b", "can't have a `?` in it"),
        ('es:a"b', "can't have a `\"` in it"),
        ("es:<films-{now/d}>", "can't have a `<` in it"),
        ("es:a>b", "can't have a `>` in it"),
        ("es:a|b", "can't have a `|` in it"),
        ("es:a,b", "can't have a `,` in it"),
        ("es:a#b", "can't have a `#` in it"),
        ("es:there:films", "can't have a `:` in it"),
        ("es: films", "can't have a space in it"),
        ("es:films\n", "can't have a control character in it"),
        ("es:films\x00", "can't have a control character in it"),
        (f"es:{chr(0xD800)}", "can't have a control character in it"),
        (f"es:{'x' * 243}", "at most 242 bytes"),
        (f"es:{'ф' * 122}", "at most 242 bytes"),
        ("films", "a table is `schema.table`, an index `es:index`"),
    ],
)
def test_what_is_no_index_is_refused_in_words(text, why):
    assert parse_target(text) is None
    assert why in (why_malformed(text) or "")


@pytest.mark.parametrize(
    ("text", "patterns", "allowed"),
    [
        ("analytics.film_dim", ("analytics.film_dim",), True),
        ("analytics.film_dim", ("analytics.*",), True),
        ("analytics.film_dim", ("*",), True),
        ("analytics.film_dim", ("analytics.film_*",), True),
        ("analytics.film_dim", (), False),
        ("analytics.film_dim", ("analytics.film",), False),
        ("analyticsXfilm_dim", ("analytics.film_dim",), False),
        ("analytics2.film_dim", ("analytics.*",), False),
        ("ANALYTICS.film_dim", ("analytics.*",), False),
        ("es:films", ("es:*",), True),
        ("es:films", ("analytics.*",), False),
    ],
)
def test_only_the_star_is_special_in_a_pattern(text, patterns, allowed):
    assert is_allowed(text, patterns) is allowed
