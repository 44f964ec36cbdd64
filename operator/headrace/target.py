"""Target addresses: `schema.table` in Postgres, `es:index` in Elasticsearch; and which of them are allowed."""

import re
import unicodedata
from dataclasses import dataclass

from headrace.errors import RefusedError

POSTGRES, ELASTICSEARCH = "postgres", "elasticsearch"
DEFAULT_ALLOWED = ("analytics.film_dim", "analytics.film_rating_agg", "es:film_dim")

NAME_BYTES, INDEX_BYTES = 63, 242
"""Elasticsearch takes 255; what we make of a name is `name-000001`, with the alias `name-000001.write`."""
ELASTICSEARCH_PREFIX = "es:"
_IDENTIFIER = re.compile(r"[^\x00-\x1f\x7f.\"]{1,63}")
_NAMES = (
    f"names of schemas and tables have at most {NAME_BYTES} bytes, no point, no double quote and no control character"
)
TABLE_RULE = f"a table is `schema.table`; {_NAMES}"
_ADDRESS_RULE = f"a table is `schema.table`, an index `{ELASTICSEARCH_PREFIX}index`; {_NAMES}"
_NOT_IN_AN_INDEX = '\\/*?"<>|,#: '
_NOT_BEFORE_AN_INDEX = "_-+"


@dataclass(frozen=True, slots=True)
class Target:
    """Where rows go; names are taken letter by letter."""

    kind: str
    schema: str
    """Empty for an index."""
    table: str

    def __str__(self) -> str:
        return f"{ELASTICSEARCH_PREFIX}{self.table}" if self.kind == ELASTICSEARCH else f"{self.schema}.{self.table}"


def parse_target(text: str) -> Target | None:
    """Reads `schema.table` or `es:index`; None for anything else."""
    if why_malformed(text) is not None:
        return None
    if text.startswith(ELASTICSEARCH_PREFIX):
        return Target(ELASTICSEARCH, "", text.removeprefix(ELASTICSEARCH_PREFIX))
    schema, _, table = text.partition(".")
    return Target(POSTGRES, schema, table)


def why_malformed(text: str) -> str | None:
    """Why the text is no address, in words; None when it is one."""
    if text.startswith(ELASTICSEARCH_PREFIX):
        return _why_no_index(text.removeprefix(ELASTICSEARCH_PREFIX))
    schema, _, table = text.partition(".")
    # Postgres cuts a longer name short, in bytes: two tables would become one.
    well = all(_IDENTIFIER.fullmatch(name) and _bytes(name) <= NAME_BYTES for name in (schema, table))
    return None if well else _ADDRESS_RULE


def _why_no_index(name: str) -> str | None:
    """Elasticsearch's own rules, and one more: a leading point marks what is its own.

    https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-indices-create
    """
    found = next((character for character in name if character in _NOT_IN_AN_INDEX), None)
    if not name:
        return f"`{ELASTICSEARCH_PREFIX}` lacks the index's name"
    if found is not None:
        # A wildcard too: it would mean several.
        return f"the name of an index can't have a {'space' if found == ' ' else f'`{found}`'} in it"
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in name):
        return "the name of an index can't have a control character in it"
    if name != name.lower():
        return "the name of an index must be in lower case"
    if name[0] in _NOT_BEFORE_AN_INDEX:
        return f"the name of an index can't begin with `{name[0]}`"
    if name[0] == ".":
        return "names that begin with a point are for Elasticsearch's own indices"
    return None if _bytes(name) <= INDEX_BYTES else f"the name of an index has at most {INDEX_BYTES} bytes"


def _bytes(text: str) -> int:
    return len(text.encode(errors="replace"))


def patterns_of(text: str) -> tuple[str, ...]:
    """The patterns of a comma separated list; none of an empty one."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def is_allowed(text: str, patterns: tuple[str, ...]) -> bool:
    """Whether one of the patterns covers the address; `*` stands for any characters."""
    return any(re.fullmatch(".*".join(map(re.escape, p.split("*"))), text, re.DOTALL) for p in patterns)


def check_target(text: str, patterns: tuple[str, ...]) -> Target:
    """The target of an allowed address. Raises RefusedError for one that is malformed or not on the list."""
    why, target = why_malformed(text), parse_target(text)
    if target is None or not is_allowed(text, patterns):
        why = why or "it is not on the installation's list of allowed targets"
        raise RefusedError(f"target_table '{text}' is not allowed", field="target_table", why=why)
    return target
