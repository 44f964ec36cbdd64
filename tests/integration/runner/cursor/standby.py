"""A streaming standby of a server that the tests started."""

import subprocess
import time
from pathlib import Path

import psycopg
from tests.integration.conftest import OwnServer, _as_other_user

REPLAY_SECONDS = 30
_SETTINGS = """
hot_standby = on
hot_standby_feedback = off
# A query that is in the way of the recovery is cancelled at once.
max_standby_streaming_delay = 100ms
"""


class Standby(OwnServer):
    """Copied from `primary`, and follows it."""

    def __init__(self, folder: Path, binaries: Path, primary: OwnServer) -> None:
        super().__init__(folder, binaries)
        self._primary = primary

    def initialise(self) -> None:
        """Makes the data folder."""
        command = [
            str(self._binaries / "pg_basebackup"),
            "--pgdata",
            str(self._data),
            "--checkpoint",
            "fast",
            "--no-sync",
        ]
        options = ["--write-recovery-conf", "--dbname", self._primary.dsn()]
        subprocess.run([*_as_other_user(), *command, *options], check=True, capture_output=True)
        with (self._data / "postgresql.auto.conf").open("a") as conf:
            conf.write(_SETTINGS)

    def catch_up(self) -> None:
        """Returns when all that the primary has committed by now is seen here."""
        with psycopg.connect(self._primary.dsn(), autocommit=True) as primary:
            (position,) = primary.execute("SELECT pg_current_wal_flush_lsn()").fetchone() or (None,)
        deadline = time.monotonic() + REPLAY_SECONDS
        with psycopg.connect(self.dsn(), autocommit=True) as standby:
            query = "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn"
            while standby.execute(query, (position,)).fetchone() != (True,):
                assert time.monotonic() < deadline, "the standby does not follow"
                time.sleep(0.01)
