"""A query's tokens by PostgreSQL's rules: strings, dollar quotes, nested comments and quoted names told apart."""

from sqlglot.dialects.postgres import Postgres
from sqlglot.errors import TokenError
from sqlglot.tokenizer_core import Token

from headrace.errors import InvalidError


def tokenize(query: str) -> list[Token]:
    """The tokens, with their offsets; InvalidError where a string, a comment or a quoted name does not end."""
    try:
        return list(Postgres().tokenize(query))
    except TokenError:
        raise InvalidError(
            "source_query can't be read: a string, a comment or a quoted name does not end", field="source_query"
        ) from None
