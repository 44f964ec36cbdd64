"""A password that is changed while runs are at work: they wait for the new one where it comes by a file."""

import threading
import time

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

ROWS = "SELECT id, v FROM rows"
SOURCE = (
    "CREATE TABLE rows (id int PRIMARY KEY, v text)",
    "INSERT INTO rows SELECT n, 'v' FROM generate_series(1, 3000) n",
)
PACE = {"look_seconds": 0.05, "again_seconds": 0.3, "rotation_seconds": 20.0}
WRONG = "{}: wrong user name or password"
PARTS = {"source": "The source", "target": "The target"}


class Clerk:
    """A role whose password changes, and the files that say how to log in as it."""

    def __init__(self, rig, server, folder):
        self.rig, self._server, self._folder = rig, server, folder
        self.user = f"clerk_{time.time_ns()}"
        rig.on_source(f"CREATE ROLE {self.user} LOGIN SUPERUSER PASSWORD 'old-secret'")

    def dsn(self, part, password):
        return self._server.dsn(conninfo_to_dict(getattr(self.rig, part))["dbname"], user=self.user, password=password)

    def file(self, part):
        return self._folder / part

    def write(self, part, password, options=""):
        """As Kubernetes does: the file is another one at once."""
        new = self._folder / "new"
        new.write_text(f"{self.dsn(part, password)}{options}\n")
        new.rename(self.file(part))

    def change(self, password):
        """The server knows the new one from now on."""
        self.rig.on_source(f"ALTER ROLE {self.user} PASSWORD '{password}'")

    def kick(self):
        """Ends its sessions."""
        self.rig.on_source(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{self.user}'")


@pytest.fixture
def clerk(rig, server, tmp_path):
    rig.on_source(*SOURCE)
    clerk = Clerk(rig, server, tmp_path)
    yield clerk
    clerk.kick()
    for run in (rig.on_source, rig.on_target):
        run(f"REASSIGN OWNED BY {clerk.user} TO CURRENT_USER", f"DROP OWNED BY {clerk.user} CASCADE")
    rig.on_source(f"DROP ROLE {clerk.user}")


def later(seconds, *steps):
    """Takes the steps in another thread."""
    timer = threading.Timer(seconds, lambda: [step() for step in steps])
    timer.start()
    return timer


def assert_no_secret(ended):
    assert "secret" not in " ".join([str(ended.message), *ended.log])


@pytest.mark.parametrize("part", PARTS)
def test_a_run_waits_for_the_file(rig, clerk, part):
    clerk.write(part, "old-secret")
    clerk.change("new-secret")
    timer = later(1, lambda: clerk.write(part, "new-secret"))
    started = time.monotonic()
    ended = rig.run(rig.spec(ROWS), **{f"{part}_dsn": clerk.file(part)}, **PACE | {"again_seconds": 15.0})
    timer.join()
    assert (ended.code, ended.outcome, ended.message) == (0, "DONE", None), ended
    assert 1 <= time.monotonic() - started < 8, "a changed file is not waited beside"
    waits = [line for line in ended.log if line.endswith("waiting for other credentials")]
    assert waits == [f"{WRONG.format(PARTS[part])}; waiting for other credentials"]
    assert_no_secret(ended)
    rig.assert_same(ROWS)


@pytest.mark.parametrize("part", PARTS)
def test_a_run_waits_for_the_server_where_the_file_was_first(rig, clerk, part):
    clerk.write(part, "new-secret")
    timer = later(1, lambda: clerk.change("new-secret"))
    ended = rig.run(rig.spec(ROWS), **{f"{part}_dsn": clerk.file(part)}, **PACE)
    timer.join()
    assert (ended.code, ended.outcome) == (0, "DONE"), ended


@pytest.mark.parametrize("part", PARTS)
def test_a_run_that_waited_in_vain_fails_as_ever(rig, clerk, part):
    clerk.write(part, "wrong-secret")
    started = time.monotonic()
    ended = rig.run(rig.spec(ROWS), **{f"{part}_dsn": clerk.file(part)}, **PACE | {"rotation_seconds": 1.0})
    assert (ended.code, ended.outcome, ended.message) == (64, "FAILED", WRONG.format(PARTS[part]))
    assert 1 <= time.monotonic() - started < 5
    assert_no_secret(ended)


def test_to_wait_for_the_sources_password_is_no_new_start(rig, clerk):
    """The operator gives a run up that has taken the fence often without a batch."""
    clerk.write("source", "wrong-secret")
    spec = rig.spec(ROWS)
    timer = later(2.5, lambda: clerk.write("source", "old-secret"))
    ended = rig.run(spec, source_dsn=clerk.file("source"), **PACE | {"again_seconds": 0.1})
    timer.join()
    assert ended.outcome == "DONE", ended
    holders = rig.on_target("SELECT holder FROM headrace.pipeline_checkpoints")
    assert holders[0][0] <= 2, holders


def test_without_a_file_nothing_can_change(rig, clerk):
    started = time.monotonic()
    ended = rig.run(rig.spec(ROWS), source_dsn=clerk.dsn("source", "wrong-secret"), **PACE)
    assert (ended.code, ended.message) == (64, WRONG.format("The source"))
    # The target's file has nothing to do with it.
    clerk.write("target", "old-secret")
    wrong = {"source_dsn": clerk.dsn("source", "wrong-secret"), "target_dsn": clerk.file("target")}
    assert rig.run(rig.spec(ROWS), **wrong, **PACE).code == 64
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("part", PARTS)
def test_a_run_whose_server_is_not_trusted_waits_for_the_file_too(rig, clerk, part):
    """As of a server that has another authority's certificate: what to trust is said anew."""
    clerk.write(part, "old-secret", " sslmode=require")
    timer = later(1, lambda: clerk.write(part, "old-secret"))
    ended = rig.run(rig.spec(ROWS), **{f"{part}_dsn": clerk.file(part)}, **PACE)
    timer.join()
    assert (ended.code, ended.outcome, ended.rows_read) == (0, "DONE", 3000), ended
    words = f"{PARTS[part]}: no TLS connection could be agreed upon; see sslmode and the certificates"
    assert any(line.endswith(f"{words}; waiting for other credentials") for line in ended.log), ended.log


def test_a_run_that_has_to_connect_again_goes_on_with_the_new_password(rig, clerk):
    """A snapshot of 0 s: the source is connected to anew after each batch."""
    for part in PARTS:
        clerk.write(part, "old-secret")
    spec = rig.spec(ROWS, batch_size=100, snapshot_seconds=0.0, max_rows_per_second=1500)

    def rotate():
        rig.wait_until_read(spec, 500)
        clerk.change("new-secret")
        clerk.kick()
        for part in PARTS:
            clerk.write(part, "new-secret")

    thread = threading.Thread(target=rotate)
    thread.start()
    ended = rig.run(spec, **{f"{part}_dsn": clerk.file(part) for part in PARTS}, **PACE)
    thread.join()
    assert (ended.code, ended.outcome, ended.rows_read) == (0, "DONE", 3000), ended
    rig.assert_same(ROWS)


def test_a_wait_for_credentials_ends_when_the_run_has_to_stop(rig, clerk):
    clerk.write("source", "wrong-secret")
    spec = rig.spec(ROWS)
    environ = {"HEADRACE_SOURCE_DSN": "", "HEADRACE_SOURCE_DSN_FILE": str(clerk.file("source"))}
    process = rig.spawn(spec, **environ)
    query = f"SELECT outcome_message FROM headrace.runs WHERE run_id = '{spec.run_id}'"
    with psycopg.connect(rig.store, autocommit=True) as store:
        until = time.monotonic() + 30
        while store.execute(query).fetchone() != (WRONG.format("The source"),) and time.monotonic() < until:
            time.sleep(0.05)
    process.terminate()
    ended = rig.wait(process, spec, seconds=15)
    assert (ended.code, ended.outcome) == (75, "STOPPED")


def test_a_file_that_is_late_is_waited_for_and_one_that_stays_away_is_told(rig, clerk):
    timer = later(0.3, lambda: clerk.write("source", "old-secret"))
    assert rig.run(rig.spec(ROWS), source_dsn=clerk.file("source")).code == 0
    timer.join()
    ended = rig.run(rig.spec(ROWS), target_dsn=clerk.file("absent"))
    assert (ended.code, ended.outcome) == (1, None)
    assert ended.message == "The target: the file that says how it is reached is missing"


def test_a_stream_goes_on_with_the_new_password(rig, clerk):
    for part in PARTS:
        clerk.write(part, "old-secret")
    spec = rig.spec(ROWS, mode="streaming", incremental_key="id", poll_seconds=0.2, lookback_seconds=0)
    files = {f"HEADRACE_{part.upper()}_DSN_FILE": str(clerk.file(part)) for part in PARTS}
    process = rig.spawn(spec, HEADRACE_SOURCE_DSN="", HEADRACE_TARGET_DSN="", **files)
    rig.wait_until_read(spec, 3000)
    clerk.change("new-secret")
    clerk.kick()
    timer = later(2, *(lambda part=part: clerk.write(part, "new-secret") for part in PARTS))
    rig.on_source("INSERT INTO rows VALUES (3001, 'new')")
    rig.wait_until_read(spec, 3001)
    timer.join()
    process.terminate()
    ended = rig.wait(process, spec)
    assert (ended.code, ended.outcome) == (75, "STOPPED"), ended
    assert any("waiting for other credentials" in line for line in ended.log)
    assert_no_secret(ended)
    rig.assert_same(ROWS)
