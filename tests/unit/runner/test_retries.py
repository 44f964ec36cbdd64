"""How often a runner tries again before a new pod has to."""

from pathlib import Path

import pytest

from headrace.errors import PermanentError, TransientError
from headrace_runner.log import Log
from headrace_runner.run import _with_retries
from headrace_runner.settings import Settings
from headrace_runner.stop import Stop

SETTINGS = Settings(
    run_id="r", epoch=1, store_dsn="", source_dsn="", target_dsn=None, allowed_targets=(),
    retry_seconds=(0.0,) * 4, lasting_seconds=0.0,
)  # fmt: skip


class Words:
    """Takes what is reported."""

    def __init__(self):
        self.said = []

    def update(self, **changes):
        self.said.append(changes["message"])


class Attempts:
    """So many that fail, and one that does not; `moves` are those after which rows had moved."""

    def __init__(self, failures, moves=(), error=TransientError):
        self._failures, self._moves, self._error = failures, moves, error
        self.made = 0
        self.progress = 0

    def __call__(self):
        self.made += 1
        self.progress += self.made in self._moves
        if self.made <= self._failures:
            raise self._error("the source is away")
        return "done"


def tried(attempts, *, lasts=False):
    with Path("/dev/null").open("w") as nowhere:
        words = Words()
        return _with_retries(
            attempts, lambda: attempts.progress, SETTINGS, Stop(60), words, Log("r", nowhere), lasts=lambda: lasts
        )


def test_four_pauses_without_progress_are_all_there_are():
    assert tried(Attempts(4)) == "done"
    with pytest.raises(TransientError):
        tried(Attempts(5))


def test_rows_that_moved_begin_the_count_anew():
    assert tried(Attempts(8, moves=(5,))) == "done"


def test_what_lasts_is_tried_again_for_ever():
    attempts = Attempts(50)
    assert tried(attempts, lasts=True) == "done"
    assert attempts.made == 51


def test_what_no_retry_can_help_is_not_tried_again():
    attempts = Attempts(1, error=PermanentError)
    with pytest.raises(PermanentError):
        tried(attempts, lasts=True)
    assert attempts.made == 1
