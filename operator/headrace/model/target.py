"""Target addresses: `schema.table` in Postgres, `es:index` in Elasticsearch; and which of them are allowed."""

import re
from dataclasses import dataclass

from headrace.errors import RefusedError

POSTGRES, ELASTICSEARCH = "postgres", "elasticsearch"
KINDS = {POSTGRES: "a table, `schema.table`", ELASTICSEARCH: "an index, `es:index`"}
SUPPORTED_KINDS = frozenset({POSTGRES})
DEFAULT_ALLOWED = ("analytics.film_dim", "analytics.film_rating_agg", "es:film_dim")

NAME_BYTES = 63
_ELASTICSEARCH_PREFIX = "es:"
_IDENTIFIER = re.compile(r"[^\x00-\x1f\x7f.\"]{1,63}")
_INDEX = re.compile(r"[a-z0-9][a-z0-9_.-]{0,254}")


@dataclass(frozen=True, slots=True)
class Target:
    """Where rows go; names are taken letter by letter."""

    kind: str
    schema: str
    """Empty for an index."""
    table: str

    def __str__(self) -> str:
        return f"{_ELASTICSEARCH_PREFIX}{self.table}" if self.kind == ELASTICSEARCH else f"{self.schema}.{self.table}"


def parse_target(text: str) -> Target | None:
    """Reads `schema.table` or `es:index`; None for anything else."""
    if text.startswith(_ELASTICSEARCH_PREFIX):
        index = text.removeprefix(_ELASTICSEARCH_PREFIX)
        return Target(ELASTICSEARCH, "", index) if _INDEX.fullmatch(index) else None
    schema, _, table = text.partition(".")
    # Postgres cuts a longer name short, in bytes: two tables would become one.
    if all(_IDENTIFIER.fullmatch(name) and len(name.encode()) <= NAME_BYTES for name in (schema, table)):
        return Target(POSTGRES, schema, table)
    return None


def is_allowed(text: str, patterns: tuple[str, ...]) -> bool:
    """Whether one of the patterns covers the address; `*` stands for any characters."""
    return any(re.fullmatch(".*".join(map(re.escape, p.split("*"))), text, re.DOTALL) for p in patterns)


def check_target(text: str, patterns: tuple[str, ...]) -> Target:
    """The target of an allowed address.

    Raises RefusedError for one that is malformed, not on the list, or of a kind that is not built yet.
    """
    target = parse_target(text)
    if target is None or not is_allowed(text, patterns):
        raise RefusedError(f"target_table '{text}' is not allowed", field="target_table")
    if target.kind not in SUPPORTED_KINDS:
        raise RefusedError(f"target_table '{text}': {target.kind} is not supported yet", field="target_table")
    return target
