"""Parameters of a query, `%(name)s` outside strings, comments, quoted names: COPY takes none, so they go in as text."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sqlglot.tokenizer_core import TokenType

from headrace.errors import InvalidError
from headrace.query.tokens import tokenize


def parameter_names(query: str) -> set[str]:
    """The names of the query's parameters."""
    return {name for name, _, _ in _occurrences(query)}


def bind(query: str, params: Mapping[str, Any]) -> str:
    """The query with its parameters as literals and without semicolons at its end.

    Every other `%` stays as it is. Raises InvalidError (field: the parameter) for one that is missing.
    """
    parts, position = [], 0
    for name, start, end in _occurrences(query):
        if name not in params:
            raise InvalidError(f"parameter '{name}' of the query has no value", field=name)
        parts += [query[position:start], literal(name, params[name])]
        position = end
    return _without_semicolons("".join([*parts, query[position:]]))


def literal(name: str, value: Any) -> str:
    """A JSON value as an SQL literal, for a session with standard_conforming_strings on."""
    match value:
        case None:
            return "NULL"
        case bool():
            return "TRUE" if value else "FALSE"
        case int() | float():
            return f"({value!r})"
        case str():
            text = value
        case _:
            text = json.dumps(value, ensure_ascii=False)
    if "\x00" in text:
        raise InvalidError(f"parameter '{name}' must not hold a NUL character", field=name)
    return "'" + text.replace("'", "''") + "'"


def _occurrences(query: str) -> Iterator[tuple[str, int, int]]:
    if "%(" not in query:
        return
    tokens = tokenize(query)
    for i in range(len(tokens) - 4):
        percent, opening, name, closing, s = tokens[i : i + 5]
        shape = (percent.token_type, opening.token_type, closing.token_type)
        adjacent = all(a.end + 1 == b.start for a, b in zip(tokens[i : i + 4], tokens[i + 1 : i + 5], strict=True))
        if shape == (TokenType.MOD, TokenType.L_PAREN, TokenType.R_PAREN) and adjacent and s.text == "s":
            yield query[name.start : name.end + 1], percent.start, s.end + 1


def _without_semicolons(query: str) -> str:
    tokens = tokenize(query)
    while tokens and tokens[-1].token_type == TokenType.SEMICOLON:
        last = tokens.pop()
        query = query[: last.start] + " " + query[last.end + 1 :]
    return query
