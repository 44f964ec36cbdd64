"""`python -m headrace_runner`: does the run that the environment names; the exit code says how it ended."""

import os
import sys
from pathlib import Path

from headrace.errors import PermanentError
from headrace.exits import Exit
from headrace_runner.log import Log
from headrace_runner.settings import TERMINATION_LOG, Settings
from headrace_runner.stop import Stop
from headrace_runner.storage import begin_to_open


def main() -> int:
    """Returns the exit code."""
    run_log = Log(os.environ.get("HEADRACE_RUN_ID", ""))
    try:
        settings = Settings.from_environ(os.environ)
    except PermanentError as error:
        run_log.error(error.message)
        _leave_word(error.message)
        return Exit.FAILED
    stop = Stop(settings.grace_seconds)
    # A thread may hang in a call to a server that does not answer: the process must end all the same.
    stop.install(give_up=lambda: os._exit(Exit.STOPPED))
    store = begin_to_open(settings)
    # Only now: while the server answers, the rest is imported.
    from headrace_runner.run import run

    return run(settings, stop, run_log, store)


def _leave_word(message: str) -> None:
    """In the termination message: without settings there is no store to tell."""
    from headrace.store.progress import FAILED, Progress
    from headrace_runner.termination import write_termination

    path = Path(os.environ.get("HEADRACE_TERMINATION_LOG") or TERMINATION_LOG)
    write_termination(path, Progress(sequence=0), outcome=FAILED, message=message)


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    # Not sys.exit: it would wait for threads that wait for servers.
    os._exit(code)
