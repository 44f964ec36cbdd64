"""How often a runner tries again before a new pod has to."""

import dataclasses
import threading
import time
from pathlib import Path

import pytest

from headrace.errors import CredentialsError, PermanentError, StoppedError, TransientError
from headrace_runner.log import Log
from headrace_runner.retries import Retries
from headrace_runner.rotation import Rotation
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


def tried(attempts, *, lasts=False, settings=SETTINGS, stop=None):
    with Path("/dev/null").open("w") as nowhere:
        words, stop = Words(), stop or Stop(60)
        return Retries(
            settings=settings,
            stop=stop,
            report=words,
            run_log=Log("r", nowhere),
            progress=lambda: attempts.progress,
            lasts=lambda: lasts,
        ).until_done(attempts)


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


def refused(part="Elasticsearch"):
    """What an attempt raises."""
    return lambda message: CredentialsError(message, part=part)


def reached_by(file, **changes):
    """Settings with a file that holds credentials."""
    return dataclasses.replace(SETTINGS, elasticsearch=file, look_seconds=0.01, again_seconds=0.02, **changes)


def test_credentials_of_a_file_are_waited_for(tmp_path):
    file = tmp_path / "elasticsearch"
    file.write_text("{}")
    attempts = Attempts(3, error=refused())
    assert tried(attempts, settings=reached_by(file)) == "done"
    assert attempts.made == 4


def test_a_file_that_changed_is_tried_at_once(tmp_path):
    file = tmp_path / "elasticsearch"
    file.write_text("old")
    threading.Timer(0.1, file.write_text, ("new",)).start()
    settings = dataclasses.replace(reached_by(file), again_seconds=30.0)
    started = time.monotonic()
    assert tried(Attempts(1, error=refused()), settings=settings) == "done"
    assert time.monotonic() - started < 10


def test_a_file_beside_it_that_changed_is_a_reason_to_try_at_once(tmp_path):
    """Kubernetes leads to another folder: the certificates lie in a file of their own."""
    for folder, ca in (("before", "old"), ("after", "new")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "elasticsearch").write_text("{}")
        (tmp_path / folder / "ca.pem").write_text(ca)
    (tmp_path / "data").symlink_to("before")
    (tmp_path / "other").symlink_to("after")
    file = tmp_path / "elasticsearch"
    file.symlink_to("data/elasticsearch")
    threading.Timer(0.1, (tmp_path / "other").rename, (tmp_path / "data",)).start()
    settings = dataclasses.replace(reached_by(file), again_seconds=30.0)
    started = time.monotonic()
    assert tried(Attempts(1, error=refused()), settings=settings) == "done"
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("part", ["the source", "the target", "the store", "Elasticsearch"])
def test_credentials_that_no_file_holds_are_not_waited_for(part):
    attempts = Attempts(1, error=refused(part))
    with pytest.raises(CredentialsError):
        tried(attempts, settings=reached_by(None))
    assert attempts.made == 1


def test_the_wait_for_credentials_has_an_end_that_progress_puts_off(tmp_path):
    file = tmp_path / "elasticsearch"
    file.write_text("{}")
    with pytest.raises(CredentialsError):
        tried(Attempts(1000, error=refused()), settings=reached_by(file, rotation_seconds=0.1))
    attempts = Attempts(20, moves=range(1, 21), error=refused())
    assert tried(attempts, settings=reached_by(file, rotation_seconds=0.1)) == "done"


def test_a_password_that_is_changed_again_hours_later_is_waited_for_too(tmp_path):
    """A run that counts, or that has not come to its first batch, makes no progress in between."""
    file, now = tmp_path / "elasticsearch", [0.0]
    file.write_text("{}")
    rotation = Rotation(reached_by(file, rotation_seconds=180.0), Stop(1), clock=lambda: now[0])
    for seconds in (0, 15, 170, 7200, 7370):
        now[0] = seconds
        rotation.hope(refused()("away"), moved=False)
    now[0] = 7385
    with pytest.raises(CredentialsError):
        rotation.hope(refused()("away"), moved=False)


def test_a_stop_ends_the_wait_for_credentials(tmp_path):
    file = tmp_path / "elasticsearch"
    file.write_text("{}")
    stop = Stop(60)
    threading.Timer(0.05, stop.request).start()
    settings = dataclasses.replace(reached_by(file), again_seconds=30.0)
    with pytest.raises(StoppedError):
        tried(Attempts(1, error=refused()), settings=settings, stop=stop)
