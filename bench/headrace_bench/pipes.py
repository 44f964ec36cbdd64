"""The plain pipe that everything is compared with: `psql COPY … TO STDOUT | psql COPY … FROM STDIN`, in binary."""

from pathlib import Path

from headrace_bench.process import Took, measure
from headrace_bench.server import SOURCE, TARGET, Server


def pipe(server: Server, query: str, table: str, log: Path) -> Took:
    """Moves what a query on the source gives into a table of the target."""
    read = _psql(server, SOURCE, f"COPY ({query}) TO STDOUT (FORMAT BINARY)")
    write = _psql(server, TARGET, f"COPY {table} FROM STDIN (FORMAT BINARY)")
    return measure([read, write], environ={}, log=log)


def _psql(server: Server, database: str, statement: str) -> list[str]:
    options = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]
    return [server.program("psql"), *options, f"--dbname={server.dsn(database)}", f"--command={statement}"]
