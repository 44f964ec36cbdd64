"""Names and values as SQL text, for statements that take no parameters (COPY) or whose names may hold a `%`."""


def quote_name(name: str) -> str:
    """A name, letter by letter."""
    return '"' + name.replace('"', '""') + '"'


def quote_qualified(schema: str, name: str) -> str:
    """`"schema"."name"`."""
    return f"{quote_name(schema)}.{quote_name(name)}"


def quote_literal(value: str) -> str:
    """A string constant; the session must have `standard_conforming_strings` on."""
    return "'" + value.replace("'", "''") + "'"


def quote_names(names: tuple[str, ...], prefix: str = "") -> str:
    """A list of columns, each with `prefix` (`t.`) before it."""
    return ", ".join(prefix + quote_name(name) for name in names)
