"""Without a terminal the progress of a run is a few plain lines."""

import io

from rich.console import Console

from headrace_local.demo.progress import follow


class Script:
    """A run that was recorded: gives one state after the other, as the API would."""

    def __init__(self, *states):
        self._states = iter(states)

    def one_run(self, pipeline_id, run_id):
        status, rows = next(self._states)
        return {"id": run_id, "pipeline_id": pipeline_id, "status": status, "rows_read": rows}


def lines(*states, until=None):
    out = io.StringIO()
    run = {"id": "r", "pipeline_id": "p"}
    end = follow(Console(file=out, width=100), Script(*states), run, 1000, until=until)
    return end, [" ".join(line.split()) for line in out.getvalue().splitlines()]


def test_a_line_for_each_change_of_status_and_each_quarter():
    states = [("PENDING", 0), ("PENDING", 0), ("RUNNING", 10), ("RUNNING", 20), ("RUNNING", 600), ("SUCCESS", 1000)]
    end, shown = lines(*states)
    assert end["status"] == "SUCCESS"
    assert shown == [
        "PENDING 0 of 1,000 rows", "RUNNING 10 of 1,000 rows", "RUNNING 600 of 1,000 rows",
        "SUCCESS 1,000 of 1,000 rows",
    ]  # fmt: skip


def test_it_may_stop_in_the_middle():
    end, _ = lines(("RUNNING", 10), ("RUNNING", 400), until=lambda run: run["rows_read"] > 300)
    assert end["rows_read"] == 400


def test_a_run_that_fails_ends_it():
    assert lines(("FAILED", 10))[0]["status"] == "FAILED"
