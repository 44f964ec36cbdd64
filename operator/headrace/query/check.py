"""Refuses what is plainly not one SELECT; everything else is for the source to judge."""

from sqlglot.tokenizer_core import Token, TokenType

from headrace.errors import InvalidError
from headrace.query.tokens import tokenize

_WRITES = frozenset({"DELETE", "INSERT", "UPDATE", "MERGE"})
_OPEN, _CLOSE = TokenType.L_PAREN, TokenType.R_PAREN


def check_query(query: str | None) -> None:
    """Raises InvalidError (field `source_query`) for anything but one SELECT or WITH … SELECT."""
    if query is None or not query.strip():
        raise _invalid("source_query is required: one SELECT")
    if "\x00" in query:
        raise _invalid("source_query must not hold a NUL character")
    tokens = tokenize(query)
    while tokens and tokens[-1].token_type == TokenType.SEMICOLON:
        tokens.pop()
    if not tokens:
        raise _invalid("source_query is required: one SELECT")
    if any(token.token_type == TokenType.SEMICOLON for token in tokens):
        raise _invalid("source_query must be one statement: remove what follows the semicolon")
    _check_parentheses(tokens)
    _check_verbs(tokens)


def _check_parentheses(tokens: list[Token]) -> None:
    depth = 0
    for token in tokens:
        depth += (token.token_type == _OPEN) - (token.token_type == _CLOSE)
        if depth < 0:
            raise _invalid("source_query closes a parenthesis that it does not open")
    if depth:
        raise _invalid("source_query opens a parenthesis that it does not close")


def _check_verbs(tokens: list[Token]) -> None:
    first = next((t for t in tokens if t.token_type != _OPEN), tokens[0])
    verb = _word(first)
    if verb not in {"SELECT", "WITH"}:
        raise _invalid(f"source_query must be a SELECT, not {verb or 'this'}")
    depth = 0
    for i, token in enumerate(tokens):
        depth += (token.token_type == _OPEN) - (token.token_type == _CLOSE)
        if _word(token) in _WRITES and _begins_statement(tokens[max(0, i - 2) : i], depth):
            raise _invalid(f"source_query must only read: it holds {_word(token)}")
        if depth == 0 and _word(token) == "INTO":
            raise _invalid("source_query must only read: SELECT INTO makes a table")


def _begins_statement(before: list[Token], depth: int) -> bool:
    """Whether a statement begins after these two tokens: in `WITH x AS (…`, or behind the last `)` of a WITH."""
    if before and before[-1].token_type == _CLOSE:
        return depth == 0
    return len(before) == 2 and before[1].token_type == _OPEN and _word(before[0]) in {"AS", "MATERIALIZED"}


def _word(token: Token) -> str:
    """The token as an upper-case keyword; empty for strings, numbers and quoted names."""
    quoted = token.token_type in {TokenType.STRING, TokenType.IDENTIFIER, TokenType.HEREDOC_STRING}
    return token.text.upper() if not quoted and token.text.isidentifier() else ""


def _invalid(message: str) -> InvalidError:
    return InvalidError(message, field="source_query")
