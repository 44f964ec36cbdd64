"""What a query's columns become in an index: the form of their values in a document, and the index's mapping. Pure.

A value that Elasticsearch can't hold (NaN, infinity, a year before 1 or after 9999, a JSON scalar in a `flattened`
field, a point beyond the poles) goes as Postgres writes it, and makes a bad row: nothing is changed unseen.
"""

import re
from collections.abc import Mapping
from typing import Any

from headrace.errors import PermanentError
from headrace.runspec import RunSpec
from headrace_runner.projection import DocumentField, Field, JsonForm
from headrace_runner.shape import Shape, SourceColumn

METADATA = frozenset(
    (
        *("_data_stream_timestamp", "_doc_count", "_field_names", "_id", "_ignored", "_ignored_source", "_index"),
        *("_index_mode", "_inference_fields", "_nested_path", "_primary_term", "_routing", "_seq_no", "_source"),
        *("_tier", "_version"),
    )
)
"""Names that mean something else in every document: Elasticsearch 9 refuses them in a mapping or in each document."""
DEEPEST = 20
"""As many parts has a name with dots: index.mapping.depth.limit."""
_FULL = re.compile(r"Limit of total fields \[(\d+)\]")
_KEYWORD: Mapping[str, Any] = {"type": "keyword"}
# A term holds 32,766 bytes and a character 4: a longer value would refuse its whole document.
_LONG_KEYWORD: Mapping[str, Any] = {"type": "keyword", "ignore_above": 8191}
_TEXT: Mapping[str, Any] = {"type": "text", "fields": {"keyword": {"type": "keyword", "ignore_above": 256}}}
_DATE: Mapping[str, Any] = {"type": "date"}
# Its terms also hold the path.
_FLATTENED: Mapping[str, Any] = {"type": "flattened", "ignore_above": 4096}
_BUILTIN: Mapping[str, Mapping[str, Any]] = {
    **dict.fromkeys(("text", "varchar", "bpchar", "name", "xml"), _TEXT),
    **dict.fromkeys(("date", "timestamp", "timestamptz"), _DATE),
    **dict.fromkeys(("json", "jsonb", "record"), _FLATTENED),
    "bool": {"type": "boolean"},
    "int2": {"type": "short"},
    "int4": {"type": "integer"},
    "int8": {"type": "long"},
    "oid": {"type": "long"},
    "float4": {"type": "float"},
    "float8": {"type": "double"},
    "bytea": {"type": "binary"},
    "point": {"type": "geo_point"},
}
_OF_EXTENSIONS: Mapping[str, Mapping[str, Any]] = {"citext": _TEXT, "hstore": _FLATTENED}
_DIGITS_OF_LONG = 18
_INTEGERS = ("int2", "int4", "int8", "oid")
_TIMES = ("date", "timestamp", "timestamptz")


def key_fields(shape: Shape, key: tuple[str, ...]) -> tuple[Field, ...]:
    """The key as the source reads it; raises PermanentError for a column that the query does not give."""
    columns = {column.name: column for column in shape.columns}
    for name in key:
        if name not in columns:
            raise PermanentError(f'The query gives no column "{name}", a key column', field="key_columns")
    return tuple(_key_field(columns[name]) for name in key)


def documents_of(
    shape: Shape, spec: RunSpec, key: tuple[str, ...]
) -> tuple[tuple[DocumentField, ...], Mapping[str, Any]]:
    """The fields of a document, in the query's order, and the index's mapping: the spec's, or one by the types.

    Raises PermanentError that names the column which no document can have.
    """
    _check_names([column.name for column in shape.columns])
    _check_roles(shape, spec)
    fields = tuple(DocumentField(name=column.name, form=_form(column)) for column in shape.columns)
    if spec.mapping is not None:
        return fields, spec.mapping
    properties: dict[str, Any] = {}
    for column in shape.columns:
        _put(properties, column.name, _key_mapped(column) if column.name in key else _mapped(column))
    return fields, {"properties": properties}


def count_fields(mapping: Mapping[str, Any]) -> int:
    """As `index.mapping.total_fields.limit` counts them: objects and the ways of one field too."""
    return sum(
        1 + count_fields(field) + count_fields({"properties": field.get("fields", {})})
        for field in mapping.get("properties", {}).values()
    ) + len(mapping.get("runtime", {}))


def refuse_full(mapping: Mapping[str, Any], answer: str) -> None:
    """Raises PermanentError with both numbers when Elasticsearch's answer says that the mapping has too many fields."""
    limit = _FULL.search(answer)
    if limit is not None:
        raise PermanentError(
            f"The index would have {count_fields(mapping)} fields, and may have {limit[1]}"
            " (index.mapping.total_fields.limit; a text has two): give fewer columns, or a mapping with fewer fields",
            field="source_query",
        )


def _key_field(column: SourceColumn) -> Field:
    # The blanks after a char(n) are no part of its value.
    type_name = "text" if column.base == "bpchar" and not column.is_array else column.type_name
    return Field(name=column.name, type_name=type_name, is_text=column.is_text, is_builtin=column.is_builtin)


def _key_mapped(column: SourceColumn) -> Mapping[str, Any]:
    """Found by its whole value, or its row is refused: no key is left out."""
    field = _mapped(column)
    return _KEYWORD if field["type"] in ("text", "keyword") else field


def _mapped(column: SourceColumn) -> Mapping[str, Any]:
    if _form(column) is JsonForm.JSON:
        return _FLATTENED
    if not column.base_is_builtin:
        return _OF_EXTENSIONS.get(column.base, _LONG_KEYWORD)
    if column.base == "numeric":
        return {"type": "long" if _fits_long(column.base_modifier) else "double"}
    if column.is_array and column.base in ("bytea", "point"):
        return _LONG_KEYWORD
    return _BUILTIN.get(column.base, _LONG_KEYWORD)


def _fits_long(modifier: int) -> bool:
    """Of `numeric(p,0)`: see numeric_typmod_precision and numeric_typmod_scale in Postgres's numeric.c."""
    precision, scale = (modifier - 4) >> 16, ((modifier - 4) & 0x7FF ^ 1024) - 1024
    return modifier >= 4 and scale == 0 and precision <= _DIGITS_OF_LONG


def _form(column: SourceColumn) -> JsonForm:
    if column.base == "json" or column.kind == "c" or column.base == "record":
        return JsonForm.JSON
    if not column.base_is_builtin:
        is_known = column.kind == "e" or column.base in _OF_EXTENSIONS
        return JsonForm.PLAIN if is_known else JsonForm.TEXT
    if not column.is_array:
        return {"bytea": JsonForm.BASE64, "point": JsonForm.GEO_POINT}.get(column.base, JsonForm.PLAIN)
    return JsonForm.PLAIN


def _put(properties: dict[str, Any], name: str, field: Mapping[str, Any]) -> None:
    """A name with dots is a path through objects, and Elasticsearch gives it back as such."""
    first, _, rest = name.partition(".")
    if rest:
        _put(properties.setdefault(first, {"properties": {}})["properties"], rest, field)
    else:
        properties[first] = dict(field)


def _check_names(names: list[str]) -> None:
    for name in names:
        parts = name.split(".")
        if parts[0] in METADATA:
            raise _refused(name, f'every document has a field "{parts[0]}" for itself')
        if not all(part.strip() for part in parts):
            raise _refused(name, "a name has something before, between and after its dots")
        if len(parts) > DEEPEST:
            raise _refused(name, f"objects in objects are at most {DEEPEST} deep")
        above = name
        while "." in above:
            above = above.rpartition(".")[0]
            if above in names:
                raise _refused(name, f'the query also gives "{above}", which can not be a value and an object')


def _refused(name: str, why: str) -> PermanentError:
    message = f'No document can have a field "{name}": {why}. Give the column another name with AS'
    return PermanentError(message, field="source_query")


def _check_roles(shape: Shape, spec: RunSpec) -> None:
    columns = {column.name: column for column in shape.columns}
    if spec.version_column is not None:
        column = _role(columns, spec.version_column, "version_column", "the version column")
        if not _is_version(column):
            words = "no whole number and no time"
            raise _wrong_type(column, f"{words}: it can't be a version", field="version_column")
    if spec.soft_delete_column is not None:
        column = _role(columns, spec.soft_delete_column, "soft_delete_column", "the soft delete column")
        if column.is_array or not column.base_is_builtin or column.base not in ("bool", *_TIMES):
            raise _wrong_type(
                column, "no boolean and no time: it can't say what is deleted", field="soft_delete_column"
            )


def _role(columns: Mapping[str, SourceColumn], name: str, field: str, role: str) -> SourceColumn:
    if name not in columns:
        raise PermanentError(f'The query gives no column "{name}", {role}', field=field)
    return columns[name]


def _is_version(column: SourceColumn) -> bool:
    if column.is_array or not column.base_is_builtin:
        return False
    is_whole = column.base == "numeric" and _fits_long(column.base_modifier)
    return is_whole or column.base in (*_INTEGERS, *_TIMES)


def _wrong_type(column: SourceColumn, words: str, *, field: str) -> PermanentError:
    return PermanentError(f'Column "{column.name}" has the type {column.type_name}, {words}', field=field)
