"""What a query gives, as a number of rows and a checksum: two sides agree when both are equal."""

from dataclasses import dataclass

import psycopg
from psycopg import sql


@dataclass(frozen=True, slots=True)
class Contents:
    """Rows, and a checksum of their values that does not depend on their order."""

    rows: int
    checksum: str

    def __str__(self) -> str:
        return f"{self.rows:,} rows, checksum {self.checksum}"


_SUM = """
SELECT count(*), coalesce(sum(('x' || left(md5(ROW({columns})::text), 15))::bit(60)::bigint::numeric), 0)
FROM ({query}
) AS q
"""


def of_query(dsn: str, query: str, columns: tuple[str, ...] = ()) -> Contents:
    """The contents of what a query gives, of these columns or of all, in the order of their names."""
    with psycopg.connect(dsn, options="-c timezone=UTC -c extra_float_digits=1") as connection:
        if not columns:
            described = connection.execute(sql.SQL("SELECT * FROM ({}\n) AS q LIMIT 0").format(sql.SQL(query)))
            columns = tuple(sorted(column.name for column in described.description or ()))
        names = sql.SQL(", ").join(sql.Identifier("q", name) for name in columns)
        row = connection.execute(sql.SQL(_SUM).format(columns=names, query=sql.SQL(query))).fetchone()
    rows, total = row or (0, 0)
    return Contents(int(rows), f"{int(total) % (1 << 64):016x}")


def of_table(dsn: str, table: str, columns: tuple[str, ...] = ()) -> Contents:
    """The contents of a table, `schema.table`; nothing at all where it does not exist."""
    name = sql.Identifier(*table.split(".", 1))
    with psycopg.connect(dsn) as connection:
        found = connection.execute("SELECT to_regclass(%s) IS NOT NULL", (name.as_string(connection),)).fetchone()
        query = sql.SQL("SELECT * FROM {}").format(name).as_string(connection)
    return of_query(dsn, query, columns) if found == (True,) else Contents(0, "0" * 16)
