"""DuckDB: both databases attached by its Postgres extension, one INSERT from one to the other: COPY in binary.

Arguments: source URL, target URL.
"""

import sys
from importlib.resources import files

import duckdb

_, SOURCE, TARGET = sys.argv


def main() -> None:
    """Moves all rows in one statement."""
    # The extension comes as a wheel: INSTALL would load it from the network.
    (extension,) = files("duckdb_extension_postgres_scanner").joinpath("extensions", f"v{duckdb.__version__}").iterdir()
    with duckdb.connect() as connection:
        connection.execute(f"LOAD '{extension}'")
        connection.execute(f"ATTACH '{SOURCE}' AS source (TYPE postgres, READ_ONLY)")
        connection.execute(f"ATTACH '{TARGET}' AS target (TYPE postgres)")
        connection.execute("INSERT INTO target.bench.events SELECT * FROM source.bench.events")


if __name__ == "__main__":
    main()
