"""A run costs few writes to the Kubernetes API: the API server notes each, and who made it."""

from collections import Counter
from datetime import datetime

from headrace_local.machine import audit
from headrace_local.machine.cluster import home
from headrace_local.waiting import wait_for

OURS = {"headrace-operator", "headrace-api"}
BUDGET = 10
"""To clean up is not counted: a run's Secret is deleted at its end, and the run itself later."""
PROGRESS_SECONDS = 10
"""A run that takes longer shows its progress this often, besides."""
RUNS = 3


def test_a_run_takes_at_most_ten_writes(world, count):
    """Beside it others run and are deleted, so that Kubernetes removes runs and Jobs: those writes are not its own."""
    made, other = world.pipeline(rows=200), world.pipeline(rows=1)
    name = world.resource("etlp", made["id"])["metadata"]["name"]
    settled(world, 0, {name}, (made["id"],))
    each = []
    for _ in range(RUNS):
        before = len(list(audit.changes(home() / world.name)))
        asked = world.api.run(other["id"])["run_id"]
        run = world.done(made, world.api.run(made["id"])["run_id"])
        world.done(other, asked)
        world.api.call("DELETE", f"/pipelines/{other['id']}")
        other = world.pipeline(rows=1)
        writes = settled(world, before, {name}, (made["id"], f"etl-{run['id']}"))
        assert writes["headrace-api", "create", "etlruns", 201] == 1, writes
        assert writes["headrace-operator", "create", "jobs", 201] == 1, writes
        assert writes["headrace-operator", "create", "secrets", 201] == 1, writes
        assert writes.pop(("headrace-operator", "delete", "secrets", 200)) == 1, writes
        assert writes.total() <= BUDGET + seconds(run) // PROGRESS_SECONDS, writes
        each.append(writes.total())
    count(f"{', '.join(map(str, each))} writes to the Kubernetes API by runs of {seconds(run):.1f} s")


def settled(world, before, names, prefixes):
    """What API and operator wrote since so many changes of what has these names, once there is no more of it."""
    seen = []

    def still():
        found = Counter(
            (change.user, change.verb, change.resource, change.code)
            for change in list(audit.changes(home() / world.name))[before:]
            if change.user in OURS and (change.name in names or change.name.startswith(prefixes))
        )
        seen.append(found)
        return len(seen) > 10 and seen[-10] == found

    wait_for("the writes to settle", still, seconds=40, every=0.3, seen=lambda: seen[-1])
    return seen[-1]


def seconds(run):
    began, ended = (datetime.fromisoformat(run[field]) for field in ("created_at", "finished_at"))
    return (ended - began).total_seconds()
