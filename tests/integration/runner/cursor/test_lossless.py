"""Writers commit out of order while runs follow one another: what is promised arrives, and nothing arrives twice."""

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test
from tests.fire import rounds
from tests.integration.runner.cursor.pipeline import Pipeline, Waiting
from tests.integration.runner.cursor.variants import VARIANTS, Variant
from tests.integration.runner.cursor.writers import WRITERS, Writers

ROUNDS = rounds(0)
EXAMPLES = 4 + 5 * ROUNDS
STEPS = 30
NUMBER = st.integers(0, WRITERS - 1)
SMALL = st.integers(1, 5)


class Lossless(RuleBasedStateMachine):
    """Ten writers and one pipeline; whatever they did, after one more run the promise holds."""

    def __init__(self, rig: Any, writers: Writers, variant: Variant) -> None:
        super().__init__()
        self.writers = writers
        writers.reset(variant)
        self.values = list(variant.values)
        self.moves = variant.key != "at"
        self.pipeline = Pipeline(rig, variant)
        self.waiting: Waiting | None = None

    @rule(writer=NUMBER)
    def begin(self, writer: int) -> None:
        """Takes its now(), long before it writes."""
        self.writers.begin(writer)

    @rule(writer=NUMBER, value=SMALL)
    def insert(self, writer: int, value: int) -> None:
        """A row more."""
        self.writers.insert(writer, self.values[value % len(self.values)])

    @precondition(lambda self: self.moves)
    @rule(writer=NUMBER, value=SMALL, pick=SMALL)
    def update(self, writer: int, value: int, pick: int) -> None:
        """A row moves."""
        self.writers.update(writer, self.values[value % len(self.values)], pick)

    @rule(writer=NUMBER, pick=SMALL)
    def delete(self, writer: int, pick: int) -> None:
        """A row less."""
        self.writers.delete(writer, pick)

    @precondition(lambda self: self.writers.open)
    @rule(pick=NUMBER, how=st.sampled_from(["COMMIT", "COMMIT", "ROLLBACK", "PREPARE"]))
    def end(self, pick: int, how: str) -> None:
        """In any order."""
        writers = list(self.writers.open)
        self.writers.end(writers[pick % len(writers)], how)

    @precondition(lambda self: self.writers.prepared)
    @rule(pick=SMALL, how=st.sampled_from(["COMMIT", "ROLLBACK"]))
    def end_prepared(self, pick: int, how: str) -> None:
        """Also in any order."""
        self.writers.end_prepared(pick, how)

    @precondition(lambda self: self.waiting is None)
    @rule(batch_size=SMALL, fault=st.none() | st.tuples(SMALL, st.sampled_from(["end", "refuse"])))
    def run(self, batch_size: int, fault: tuple[int, str] | None) -> None:
        """Does not wait, and goes on with a run that was cut off before; may be cut off at a row."""
        self.writers.a_run_begins(waits=False)
        doubted = self.pipeline.doubted or bool(self.writers.transactions)
        ended = self.pipeline.run(batch_size, fault)
        assert ended.code == 0 or fault is not None, ended
        assert ("LookbackOnly" in ended.notes) == doubted, ended

    @rule()
    def give_up(self) -> None:
        """What was cut off is not resumed."""
        self.pipeline.give_up()

    @precondition(lambda self: self.waiting is None and self.writers.transactions)
    @rule(batch_size=SMALL)
    def run_that_waits(self, batch_size: int) -> None:
        """Waits until those in progress have ended; meanwhile others begin."""
        self.writers.a_run_begins(waits=True)
        self.waiting = self.pipeline.start(batch_size)
        self.waiting.until(self.writers.is_waited_for)

    @precondition(lambda self: self.waiting is not None)
    @rule(how=st.sampled_from(["COMMIT", "ROLLBACK"]))
    def end_what_is_waited_for(self, how: str) -> None:
        """Then the run goes on, and there is no doubt."""
        assert self.waiting is not None
        self.writers.end_all(how, waited=True)
        ended = self.waiting.end()
        assert (ended.code, "LookbackOnly" in ended.notes) == (0, False), ended
        self.waiting = None

    def teardown(self) -> None:
        """All writers end, and one more run is done."""
        try:
            if self.waiting is not None:
                self.end_what_is_waited_for(how="COMMIT")
            self.writers.end_all("COMMIT")
            self.run(batch_size=2, fault=None)
            assert self.writers.promise.broken(self.pipeline.rows()) == []
            assert self.pipeline.doubled() == []
        finally:
            self.pipeline.close()


@pytest.fixture
def writers(rig: Any) -> Any:
    """Ten sessions for all examples."""
    made = Writers(rig.source)
    yield made
    made.close()


@pytest.mark.fire
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_no_promised_row_is_missing_and_none_is_doubled(rig, writers, variant):
    run_state_machine_as_test(
        lambda: Lossless(rig, writers, variant),
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
            # Not the explanation: it repeats what failed many times.
            phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
        ),
    )
