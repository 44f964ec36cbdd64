"""A stream against a small world: whatever commits when, and whenever it dies, nothing is missing at the end."""

import random
from array import array
from types import SimpleNamespace

import pytest

from headrace.errors import StoppedError
from headrace_runner.moving import Mover
from headrace_runner.projection import Projection
from headrace_runner.protocols import Batch, Checkpoint, Counters, Edge, Horizon, Look, Position
from headrace_runner.rows import Rows
from headrace_runner.stages import Stages
from headrace_runner.stream import Stream

PROJECTION = Projection(keys=(), others=(), cursor="n")
SEEDS = 300
KEYS = 30
BATCH = 2


class DiedError(Exception):
    """kill -9."""


class World:
    """Rows (key to number) that transactions change, and what the target got of them.

    A number grows with each write, as a sequence gives it. Something may happen between any two steps of a stream.
    """

    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.number = 0
        self.rows = {}
        self.open = {}
        self.target = {}
        self.saved = Position()
        self.polls = 0
        self.deaths = self.chance.choice([0.0, 0.02, 0.1])
        self.is_over = False

    def happen(self):
        """Some things, or none."""
        while not self.is_over and self.chance.random() < 0.6:
            self.chance.choice([self.begin, self.write, self.write, self.commit, self.roll_back, self.prepare])()

    def begin(self):
        self.number += 1
        self.open[f"t{self.number}"] = {}

    def write(self):
        names = [name for name in self.open if not name.startswith("prepared")]
        locked = {key for changes in self.open.values() for key in changes}
        key = self.chance.randrange(KEYS)
        if not names:
            self.begin()
        elif key not in locked:
            self.number += 1
            self.open[self.chance.choice(names)][key] = self.number

    def commit(self):
        self._end(keeps=True)

    def roll_back(self):
        self._end(keeps=self.chance.random() < 0.5)

    def prepare(self):
        names = [name for name in self.open if not name.startswith("prepared")]
        if names and self.chance.random() < 0.3:
            name = self.chance.choice(names)
            self.open[f"prepared {name}"] = self.open.pop(name)

    def _end(self, *, keeps):
        if self.open:
            changes = self.open.pop(self.chance.choice(list(self.open)))
            self.rows |= changes if keeps else {}

    def end(self):
        """All transactions commit, and nothing happens any more."""
        self.is_over = True
        while self.open:
            self._end(keeps=True)

    def die(self):
        if not self.is_over and self.chance.random() < self.deaths:
            raise DiedError

    # The source.

    def look(self, projection, start, known, patience):
        self.happen()
        greatest = max(self.rows.values(), default=None)
        self.happen()
        in_progress = frozenset(self.open)
        self.happen()
        horizon = Horizon(None if greatest is None else f"{greatest:09}")
        return Look(horizon=horizon, in_progress=in_progress, is_in_doubt=False, late_seconds=None)

    def read(self, projection, start, horizon, limit=None):
        self.happen()
        first = ("", "") if start.value is None else (start.value, "" if start.look_back else start.key[0])
        rows = sorted((f"{number:09}", str(key)) for key, number in self.rows.items())
        rows = [row for row in rows if first <= row and row[0] <= horizon.value][:limit]
        rows = rows[1:] if rows and rows[0] == first else rows
        for at in range(0, max(len(rows), 1), BATCH):
            yield batch_of(rows[at : at + BATCH], final=at + BATCH >= len(rows))

    # The target.

    def write_batches(self, batches):
        self.die()
        for batch in batches:
            for row in batch.rows.split():
                number, key = row.decode().split()
                self.target[int(key)] = int(number)
        last = batches[-1].last
        position = self.saved if last is None else Position(key=(last.key[0].decode(),), value=last.value.decode())
        self.saved = batches[-1].resume_at or position
        self.die()
        return Checkpoint(holder=1, position=position, counters=Counters())

    def resume_at(self, position):
        self.saved = position
        self.die()

    # The process.

    def wait(self, seconds):
        self.polls += 1
        if self.polls == 40:
            self.end()
        if self.polls == 60:
            raise StoppedError("enough")


def batch_of(rows, *, final):
    data, ends = b"", array("I")
    for row in rows:
        data += " ".join(row).encode()
        ends.append(len(data))
    first, last = (Edge(row[0].encode(), (row[1].encode(),)) for row in (rows[0], rows[-1])) if rows else (None, None)
    return Batch(rows=Rows(data, ends), first=first, last=last, previous=None, final=final)


def run(world):
    """One process after another, until it is stopped; returns the trail of the last."""
    while True:
        report = SimpleNamespace(catch_up=lambda began: None, progress=lambda: SimpleNamespace(message=None))
        load = SimpleNamespace(
            spec=SimpleNamespace(poll_seconds=0.0, wait_seconds=0.0),
            stop=SimpleNamespace(wait=world.wait, check=lambda: None),
            report=report,
            polls=0,
            note=lambda target, notes: None,
            advance=lambda checkpoint: None,
        )
        target = SimpleNamespace(
            write=world.write_batches, resume_at=world.resume_at, progress=lambda: None, settle=lambda: None
        )
        left = SimpleNamespace(set=lambda: None, is_set=lambda: False)
        mover = Mover(
            target=target,
            stop=load.stop,
            left=left,
            stages=Stages(),
            took=lambda size: None,
            advance=load.advance,
            is_endless=True,
        )
        stream = Stream(load, world, target, PROJECTION, mover, world.saved)
        try:
            stream.run()
        except DiedError:
            continue
        except StoppedError:
            return


@pytest.mark.parametrize("portion", [2, 3, 10_000])
def test_whatever_commits_when_and_whenever_it_dies_nothing_is_missing(portion, monkeypatch):
    monkeypatch.setattr("headrace_runner.stream.PORTION", portion)
    for seed in range(SEEDS // 3):
        world = World(seed)
        run(world)
        assert world.target == world.rows, f"seed {seed}"
        greatest = max(world.rows.items(), key=lambda row: row[1])
        assert world.saved == Position(key=(str(greatest[0]),), value=f"{greatest[1]:09}"), f"seed {seed}"
