"""The pipeline under test: its target, which writes down what comes and can refuse it, and its runs."""

import threading
import time
from typing import Any

import psycopg
from tests.integration.runner.cursor.variants import Variant

TABLE = "analytics.copy"
POLL_SECONDS = 0.005
END_SECONDS = 60.0
_TARGET = """
    CREATE SCHEMA analytics;
    CREATE TABLE analytics.fault (at_row int, how text);
    CREATE SEQUENCE analytics.coming;
    CREATE TABLE analytics.written (key bigint, v int);
    CREATE FUNCTION analytics.write_down() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        fault analytics.fault;
    BEGIN
        SELECT * INTO fault FROM analytics.fault;
        IF FOUND AND nextval('analytics.coming') >= fault.at_row THEN
            IF fault.how = 'end' THEN
                PERFORM pg_terminate_backend(pg_backend_pid());
                PERFORM pg_sleep(10);
            END IF;
            RAISE EXCEPTION 'not now' USING ERRCODE = '40001';
        END IF;
        INSERT INTO analytics.written VALUES (NEW.{key}, NEW.v);
        RETURN NEW;
    END $$;
    CREATE TABLE analytics.copy ({columns}, v int);
    CREATE TRIGGER write_down BEFORE INSERT OR UPDATE ON analytics.copy FOR EACH ROW
        EXECUTE FUNCTION analytics.write_down();
"""


class Pipeline:
    """One pipeline, from its first run to its last."""

    def __init__(self, rig: Any, variant: Variant) -> None:
        self._rig = rig
        self._variant = variant
        self._spec: Any = None
        self.doubted = False
        """An attempt at the run in hand could not wait: what it noted stays with the run."""
        self._written: dict[str, int] = {}
        """Rows written, by run."""
        self._target = psycopg.connect(rig.target, autocommit=True)
        columns = f"at {variant.type} PRIMARY KEY" if variant.key == "at" else "id int PRIMARY KEY"
        if variant.key != "at" and variant.in_target:
            columns += f", at {variant.type}"
        self._target.execute("DROP SCHEMA IF EXISTS headrace CASCADE; DROP SCHEMA IF EXISTS analytics CASCADE")
        self._target.execute(_TARGET.format(key=variant.key, columns=columns).encode())

    def close(self) -> None:
        """Lets go of the target."""
        self._target.close()

    def run(self, batch_size: int, fault: tuple[int, str] | None, wait_seconds: float = 0.0) -> Any:
        """A new run, or one more attempt at the one that did not end; the target may refuse it at a row."""
        self._target.execute("DELETE FROM analytics.fault; SELECT setval('analytics.coming', 1, false)")
        if fault is not None:
            self._target.execute("INSERT INTO analytics.fault VALUES (%s, %s)", fault)
        return self._attempt(self._next(batch_size, wait_seconds))

    def give_up(self) -> None:
        """The next run is another one."""
        self._spec, self.doubted = None, False

    def start(self, batch_size: int) -> "Waiting":
        """A run that waits for what is in progress."""
        self.give_up()
        self._target.execute("DELETE FROM analytics.fault")
        return Waiting(self, self._next(batch_size, END_SECONDS))

    def rows(self) -> dict[int, int]:
        """Version by key."""
        return dict(self._target.execute(f"SELECT {self._variant.key}, v FROM {TABLE}".encode()).fetchall())

    def doubled(self) -> list[Any]:
        """Versions that were written more than once, and whether the runs counted others than that."""
        twice = "SELECT key, v FROM analytics.written GROUP BY key, v HAVING count(*) > 1"
        count = self._target.execute("SELECT count(*) FROM analytics.written").fetchone()
        assert count is not None
        counted = sum(self._written.values())
        return self._target.execute(twice).fetchall() + ([(count[0], counted)] if count[0] != counted else [])

    def _next(self, batch_size: int, wait_seconds: float) -> Any:
        if self._spec is None:
            variant = self._variant
            self._spec = self._rig.spec(
                variant.query,
                TABLE,
                mode="incremental",
                incremental_key="at",
                batch_size=batch_size,
                lookback_seconds=variant.lookback,
                wait_seconds=wait_seconds,
            )
        return self._spec

    def _attempt(self, spec: Any) -> Any:
        ended = self._rig.run(spec, retry_seconds=())
        self._written[spec.run_id] = ended.rows_written
        self.doubted = "LookbackOnly" in ended.notes
        if ended.code == 0:
            self.give_up()
        return ended


class Waiting:
    """A run in a thread of its own."""

    def __init__(self, pipeline: Pipeline, spec: Any) -> None:
        self.run_id = spec.run_id
        self._ended: Any = None

        def work() -> None:
            self._ended = pipeline._attempt(spec)

        self._thread = threading.Thread(target=work, daemon=True)
        self._thread.start()

    def until(self, looks: Any) -> None:
        """Returns when the run has seen what it waits for."""
        deadline = time.monotonic() + END_SECONDS
        while not looks(self.run_id):
            assert time.monotonic() < deadline
            assert self._thread.is_alive(), self._ended
            time.sleep(POLL_SECONDS)

    def end(self) -> Any:
        """How it ended."""
        self._thread.join(END_SECONDS)
        assert self._ended is not None, "the run waits for ever"
        return self._ended
