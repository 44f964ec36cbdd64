"""Runners that are killed, indices that go away, answers that are lost: the index equals the source in the end."""

import signal
import threading
import time
import urllib.error
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg
import pytest
from tests.fire import IS_ALL, chance
from tests.integration.runner.elasticsearch.ambush import Freezer, Killer
from tests.integration.runner.elasticsearch.faultproxy import HTML, LOST, NO_FAULT, Fault, FaultProxy
from tests.integration.runner.fire.rounds import ROUNDS, some

pytestmark = pytest.mark.fire
ROWS = 3000
BATCH = 100
RATE = 3000
"""Rows a second: a run takes a second, and sends some 20 bodies."""
KILLED, FAULT, SUPERSEDED, OUTRUN = -9, 1, 76, 64
KILLS = 34 if IS_ALL else ROUNDS
"""In each of three modes: 102 in all."""
SMALL = 20_000
"""Bytes; bodies gather while Elasticsearch is busy, and a run would be four of them."""
REQUESTS = 80
"""About so many requests and answers are one run."""
STOPS = max(1, ROUNDS // 7)

SOURCE = (
    "CREATE TABLE rows (id int PRIMARY KEY, v text, n bigint, at timestamptz NOT NULL, tags text[])",
    f"""INSERT INTO rows SELECT n, md5(n::text), 1, timestamptz '2026-01-01' + n / 7 * interval '1 minute',
            ARRAY[n::text, NULL] FROM generate_series(1, {ROWS}) AS n""",
)
QUERY = "SELECT id, v, n, at, tags FROM rows"
UPDATES = """
    UPDATE rows SET v = 'changed ' || random(), n = n + 1, at = clock_timestamp()
    WHERE id IN (SELECT (random() * {rows})::int FROM generate_series(1, {count}))
"""
ARRIVALS = """
    INSERT INTO rows SELECT (SELECT max(id) FROM rows) + n, 'new', 1, clock_timestamp(), NULL
    FROM generate_series(1, {count}) AS n
"""
DELETIONS = "DELETE FROM rows WHERE id IN (SELECT (random() * {rows})::int FROM generate_series(1, {count}))"


@dataclass(frozen=True, slots=True)
class Mode:
    """A kind of run."""

    fields: dict = field(default_factory=dict)
    changes: tuple[str, ...] = (UPDATES, ARRIVALS, DELETIONS)
    reads_all: bool = True
    writes_all: bool = True


MODES = {
    "full": Mode(),
    "with a version column": Mode({"version_column": "n"}, writes_all=False),
    "incremental": Mode(
        {"mode": "incremental", "incremental_key": "at", "lookback_seconds": 5.0}, (UPDATES, ARRIVALS), reads_all=False
    ),
}


class Pipeline:
    """A pipeline's source, index, and runs."""

    def __init__(self, rig, mode):
        self.rig = rig
        self.mode = mode
        self.before = {}
        rig.on_source(*SOURCE)

    def spec(self, **more):
        return self.rig.spec(QUERY, **{"batch_size": BATCH, **self.mode.fields, **more})

    def change(self, count=200):
        for statement in self.mode.changes:
            self.rig.on_source(statement.format(rows=ROWS, count=count))

    @contextmanager
    def changing(self):
        """The source changes all the time, by several sessions, and rests in the end."""
        over = threading.Event()

        def change():
            with psycopg.connect(self.rig.source, autocommit=True) as connection:
                while not over.wait(0.02):
                    for statement in self.mode.changes:
                        connection.execute(statement.format(rows=ROWS, count=5))

        thread = threading.Thread(target=change)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def begin(self, **more):
        """A run is to start; its spec."""
        self.before = self.documents()
        return self.spec(**more)

    def documents(self):
        """What readers see; nothing when there is no index yet."""
        try:
            return self.rig.documents()
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise
            return {}

    def finish(self, spec, *, rests=True, processes=6):
        """Processes until the run is done, as the Job starts them."""
        for _ in range(processes):
            ended = self.rig.wait(self.rig.spawn(spec), spec, seconds=120)
            if ended.code != FAULT:
                break
        self.settle(ended, rests=rests)

    def settle(self, ended, *, rests=True):
        """The run is done; if the source `rests` since it began, the index equals it and the counters are right."""
        assert (ended.code, ended.outcome) == (0, "DONE"), ended
        if not rests:
            return
        self.rig.assert_same(QUERY)
        after = self.documents()
        gone = len(self.before.keys() - after.keys())
        changed = sum(self.before.get(key) != after[key] for key in after)
        if self.mode.reads_all:
            assert ended.rows_read == len(after), "each row is read once"
        else:
            assert ended.rows_read >= changed
        # Who is killed between a deletion, or a document that has its own version, and the checkpoint can't count it.
        if self.mode.writes_all:
            assert ended.rows_read <= ended.rows_written <= ended.rows_read + gone
        else:
            assert ended.rows_written <= changed + gone


@pytest.fixture
def proxy(index_rig):
    made = FaultProxy(index_rig.url)
    yield made
    made.close()


@pytest.fixture
def pipeline(index_rig):
    return lambda mode: Pipeline(index_rig, MODES[mode])


@pytest.mark.timeout(240 + 20 * KILLS)
@pytest.mark.parametrize("name", MODES)
def test_a_runner_that_is_killed_at_random_moments_loses_and_doubles_nothing(pipeline, proxy, name):
    dice, books = chance("index", name), pipeline(name)
    kills = 0
    while kills < KILLS:
        spec, rests, code = books.begin(max_rows_per_second=dice.choice([RATE, None])), dice.random() < 0.5, KILLED
        while code == KILLED and kills < KILLS:
            way = dice.choice([killed_after_a_while, killed_at_a_request, killed_at_a_request])
            if rests:
                code = way(books.rig, proxy, spec, dice)
            else:
                with books.changing():
                    code = way(books.rig, proxy, spec, dice)
            kills += code == KILLED
        if code == KILLED:
            books.finish(spec, rests=rests)
        else:
            books.settle(books.rig.ended(spec, code, ""), rests=rests)
        if not rests:
            books.finish(books.begin())
        books.change()


def killed_after_a_while(rig, proxy, spec, dice):
    """The exit code of a runner that is killed when it still runs after some time."""
    process = rig.spawn(spec)
    time.sleep(dice.uniform(0.3, 2.5))
    process.kill()
    process.communicate()
    return process.returncode


def killed_at_a_request(rig, proxy, spec, dice):
    """The exit code of a runner that is killed around some request, if it has so many."""
    killer = Killer(proxy, number=dice.randint(1, REQUESTS))
    process = rig.spawn(spec, HEADRACE_ELASTICSEARCH_URL=proxy.url)
    killer.aim(process.pid)
    process.communicate(timeout=120)
    return process.returncode


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", MODES)
@pytest.mark.parametrize("kind", ["bodies", "all requests"])
def test_every_twentieth_answer_is_lost_after_the_request_was_carried_out(pipeline, proxy, name, kind):
    books, count = pipeline(name), [0]

    def lose(what):
        if what.startswith("after"):
            count[0] += 1
            if count[0] % 20 == 0:
                raise ConnectionError

    def fault(seen):
        if len(seen.body) > SMALL:
            return Fault(answer=(413, HTML))
        return LOST if kind == "bodies" and seen.number % 20 == 19 else NO_FAULT

    proxy.fault = fault
    if kind == "all requests":
        proxy.listener = lose
    rig = books.rig
    for _ in range(2):
        spec, code = books.begin(), FAULT
        while code == FAULT:
            ended = rig.wait(rig.spawn(spec, HEADRACE_ELASTICSEARCH_URL=proxy.url), spec, seconds=120)
            code = ended.code
        books.settle(ended)
        books.change()
    assert len(proxy.seen) > 20


@pytest.mark.timeout(300 + 120 * STOPS)
@pytest.mark.parametrize("name", some(list(MODES), 1, "stopped"))
def test_an_elasticsearch_that_is_stopped_and_started_again_is_waited_for(pipeline, elasticsearch, name):
    books, dice = pipeline(name), chance("stopped", name)
    stops = 0
    while stops < STOPS:
        spec = books.begin(max_rows_per_second=RATE // 3)
        process = books.rig.spawn(spec)
        time.sleep(dice.uniform(0.5, 4))
        if process.poll() is None:
            elasticsearch.stop(dice.choice([signal.SIGTERM, signal.SIGKILL]))
            time.sleep(dice.uniform(0, 3))
            elasticsearch.start()
            stops += 1
        ended = books.rig.wait(process, spec, seconds=120)
        if ended.code == FAULT:
            books.finish(spec)
        else:
            books.settle(ended)
        books.change()


ZOMBIES = {
    "before a body is carried out": ("before .*_bulk", 3),
    "after a body was carried out": ("after .*_bulk", 3),
    "before the index is shown": ("before .*_aliases", 1),
    "after the index was shown": ("after .*_aliases", 1),
    "before the index is made": ("before PUT", 1),
}


def asleep(books, proxy, spec, name):
    """A runner that was stopped at a moment, and what wakes it."""
    freezer = Freezer(proxy, *ZOMBIES[name])
    process = books.rig.spawn(spec, HEADRACE_ELASTICSEARCH_URL=proxy.url)
    freezer.aim(process.pid)
    assert freezer.fired.wait(30), f"the moment {name} never came"
    return process, freezer


@pytest.mark.parametrize("name", some(list(ZOMBIES), 2, "zombie"))
def test_a_zombie_of_the_same_run_changes_nothing(pipeline, proxy, name):
    books = pipeline("full")
    spec = books.begin(max_rows_per_second=RATE)
    zombie, freezer = asleep(books, proxy, spec, name)
    ended = books.rig.run(spec)
    books.settle(ended)
    freezer.wake()
    assert books.rig.wait(zombie, spec).code in {0, SUPERSEDED}
    books.settle(books.rig.ended(spec, 0, ""))


@pytest.mark.parametrize("name", some(list(ZOMBIES), 2, "zombie of an older run"))
def test_a_zombie_of_an_older_run_brings_nothing_back(pipeline, proxy, name):
    """What it sent arrives late, when the documents in it were changed and deleted by the run after it."""
    books = pipeline("full")
    old = books.spec(max_rows_per_second=RATE)
    zombie, freezer = asleep(books, proxy, old, name)
    books.change(count=1000)
    books.settle(books.rig.run(books.begin(restart=True)))
    freezer.wake()
    ended = books.rig.wait(zombie, old)
    assert (ended.code, ended.outcome) == (OUTRUN, "FAILED"), ended
    books.rig.assert_same(QUERY)


@pytest.mark.parametrize("name", MODES)
def test_an_elasticsearch_that_is_overloaded_now_and_then_gets_all_in_the_end(pipeline, proxy, name):
    dice, books = chance("overloaded", name), pipeline(name)
    refused = b'{"error":{"type":"es_rejected_execution_exception","reason":"rejected"},"status":429}'

    def fault(seen):
        return Fault(answer=(429, refused)) if dice.random() < 0.3 else NO_FAULT

    proxy.fault = fault
    spec = books.begin()
    ended = books.rig.wait(books.rig.spawn(spec, HEADRACE_ELASTICSEARCH_URL=proxy.url), spec)
    books.settle(ended)
