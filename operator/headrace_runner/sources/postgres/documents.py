"""Rows as documents, both lines of each made by Postgres: pure text.

A row of the stream is the edge (where we are: the cursor, if there is one, and the key), the action, the document.
JSON text holds no control character, so in COPY's csv format, with such ones as delimiter and quote, nothing is ever
escaped. The text format doubles backslashes: 9 of 24 odd documents were stored wrong by it, without an error.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from headrace_runner.postgres.quoting import quote_literal, quote_name
from headrace_runner.projection import DocumentField, Documents, Field, JsonForm, Projection
from headrace_runner.shape import SourceColumn
from headrace_runner.sources.postgres.values import column, value

FORMAT = r"(FORMAT csv, DELIMITER E'\x02', QUOTE E'\x01', ENCODING 'UTF8')"
MOST_ROWS = 2**20 - 1
"""Of a statement whose rows have versions of their own."""
_LONGEST_ID = 512
_LENGTHS = {"int2": 6, "int4": 11, "int8": 20, "oid": 10, "uuid": 36, "bool": 5}
_LENGTHS |= {"date": 13, "timestamp": 32, "timestamptz": 35}
"""Types whose texts need no escape, with how long they get."""
_OF_ONE_TEXT = {
    *_LENGTHS,
    *("text", "varchar", "bpchar", "name", "char", "bytea", "inet", "cidr", "macaddr", "macaddr8"),
    *("time", "bit", "varbit", "money", "xid8", "pg_lsn"),
}
"""Types whose values are equal when their texts are, and only then; not so 1.0 and 1.00."""
_LAST_TIME = "294000-01-01"
"""Of later ones the microseconds are no bigint."""


@dataclass(frozen=True, slots=True)
class DocumentItems:
    """Writes what a statement selects, for one projection."""

    projection: Projection
    documents: Documents
    columns: Mapping[str, SourceColumn]
    is_utf8: bool
    """The server's texts are."""

    def items(self, version: int, order: str) -> list[str]:
        """The edge, the action, the document; `version` is a drawn one, `order` the statement's."""
        return [self._edge(), self._action(version, order), self._document()]

    @property
    def numbers_rows(self) -> bool:
        """Each row has a version of its own, above that of the row before: the later one of two with one key wins."""
        return self.projection.cursor is not None and self.documents.version_column is None

    def ties(self) -> list[str]:
        """What orders keys that are equal and look different: those that look alike must follow each other."""
        keys = [field for field in self.projection.keys if not self._has_one_text(field)]
        return [f'{_text(field)} COLLATE "C"' for field in keys]

    def _edge(self) -> str:
        keys, cursor = self.projection.keys, self.projection.cursor
        if cursor is None and len(keys) == 1 and self._length(keys[0]):
            return _text(keys[0])
        parts = [self._string(field) for field in keys]
        if cursor is not None:
            parts.insert(0, _json_string(f"{column(cursor)}::text"))
        # A null stays one, for the reader to name its column.
        return "'[' || " + " || ',' || ".join(f"coalesce({part}, 'null')" for part in parts) + " || ']'"

    def _string(self, field: Field) -> str:
        return f"""'"' || {_text(field)} || '"'""" if self._length(field) else _json_string(_text(field))

    def _action(self, version: int, order: str) -> str:
        """Null where there is no key or no version.

        By `||`: json_build_object takes 0.5 s more for 500,000 rows.
        """
        opening, ending = '{"index":{"_id":', ',"version_type":"external"}}'
        verb = quote_literal(opening)
        if self.documents.soft_delete_column is not None:
            deletion = quote_literal(opening.replace("index", "delete"))
            verb = f"CASE WHEN {self._is_deleted()} THEN {deletion} ELSE {verb} END"
        number = self._version(version, order)
        return _joined([verb, *self._id(), "',\"version\":'", number, quote_literal(ending)])

    def _id(self) -> list[str]:
        """What `ids.id_of` makes of the key, as JSON."""
        keys = self.projection.keys
        lengths = [self._length(field) for field in keys]
        if all(lengths) and sum(lengths) + len(keys) <= _LONGEST_ID:
            parts = [part for field in keys for part in ("'|'", _text(field))]
            return ["'\"'", *parts[1:], "'\"'"]
        escaped = [self._escaped(field) if len(keys) > 1 else _text(field) for field in keys]
        return [_json_string(self._hashed(" || '|' || ".join(escaped), _text(keys[0])))]

    def _escaped(self, field: Field) -> str:
        if self._length(field):
            return _text(field)
        return rf"pg_catalog.replace(pg_catalog.replace({_text(field)}, '\', '\\'), '|', '\|')"

    def _hashed(self, text: str, beginning: str) -> str:
        data = text if self.is_utf8 else f"pg_catalog.convert_to({text}, 'UTF8')"
        is_odd = f"pg_catalog.octet_length({data}) NOT BETWEEN 1 AND {_LONGEST_ID}"
        is_odd += f" OR pg_catalog.starts_with({beginning}, 'sha256:')"
        digest = f"pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to({text}, 'UTF8')), 'hex')"
        return f"CASE WHEN {is_odd} THEN 'sha256:' || {digest} ELSE {text} END"

    def _version(self, version: int, order: str) -> str:
        name = self.documents.version_column
        if name is None:
            number = f"({version} + pg_catalog.row_number() OVER (ORDER BY {order}))"
            return number if self.numbers_rows else f"'{version}'"
        number = column(name)
        if is_time_type(self.columns[name]):
            # Exact until the year 2106; not EXTRACT, whose numeric is slower, and a float again before PostgreSQL 14.
            span = f"{number} BETWEEN 'epoch' AND '{_LAST_TIME}'"
            return f"CASE WHEN {span} THEN (pg_catalog.date_part('epoch', {number}) * 1000000)::bigint END"
        return f"CASE WHEN {number} >= 0 THEN {number}::bigint END"

    def _is_deleted(self) -> str:
        name = str(self.documents.soft_delete_column)
        return column(name) if self.columns[name].base == "bool" else f"{column(name)} IS NOT NULL"

    def _document(self) -> str:
        items = [f"{self._value(field)} AS {quote_name(field.name)}" for field in self.documents.fields]
        # Inside, a column of that name would be meant.
        name = "d"
        while name in self.columns:
            name += "d"
        document = f"pg_catalog.row_to_json((SELECT {name} FROM (SELECT {', '.join(items)}) AS {name}))"
        if self.documents.soft_delete_column is None:
            return document
        return f"CASE WHEN ({self._is_deleted()}) IS NOT TRUE THEN {document} END"

    def _value(self, field: DocumentField) -> str:
        name = column(field.name)
        match field.form:
            case JsonForm.PLAIN:
                return name
            case JsonForm.TEXT:
                return f"{name}::text[]" if self.columns[field.name].is_array else f"{name}::text"
            case JsonForm.JSON:
                # Outside of its strings, where alone they are allowed.
                return rf"pg_catalog.translate(pg_catalog.to_json({name})::text, E'\n\r', '  ')::json"
            case JsonForm.BASE64:
                return rf"pg_catalog.translate(pg_catalog.encode({name}, 'base64'), E'\n', '')"
            case JsonForm.GEO_POINT:
                point = f"pg_catalog.to_json(ARRAY[({name})[0], ({name})[1]])"
                return f"CASE WHEN {name} IS NOT NULL THEN {point} END"

    def _length(self, field: Field) -> int:
        """Of a text that needs no escape; 0 of others."""
        source = self.columns[field.name]
        is_plain = source.base_is_builtin and not source.is_array
        return _LENGTHS.get(source.base, 0) if is_plain else 0

    def _has_one_text(self, field: Field) -> bool:
        source = self.columns[field.name]
        if source.is_array:
            return False
        is_exact = source.base == "numeric" and source.base_modifier >= 0
        return source.kind == "e" or (source.base_is_builtin and (is_exact or source.base in _OF_ONE_TEXT))


def is_time_type(source: SourceColumn) -> bool:
    """Whether the microseconds of its values can be a version."""
    return source.base in ("date", "timestamp", "timestamptz")


def _text(field: Field) -> str:
    return value(field) if field.type_name == "text" else f"{value(field)}::text"


def _json_string(text: str) -> str:
    return f"pg_catalog.to_json({text})::text"


def _joined(parts: list[str]) -> str:
    """Parts one after the other; constants that meet become one, which spares a copy of the row's text for each."""
    joined = parts[:1]
    for part in parts[1:]:
        if part.startswith("'") and joined[-1].startswith("'"):
            joined[-1] = joined[-1][:-1] + part[1:]
        else:
            joined.append(part)
    return " || ".join(joined)
