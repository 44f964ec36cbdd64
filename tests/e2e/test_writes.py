"""A run costs few writes to the Kubernetes API: the API server itself counts them."""

import re

from headrace_local.waiting import wait_for

WRITES = {"POST", "PUT", "PATCH", "DELETE", "APPLY"}
BUDGET = 10
RUNS = 3
_SERIES = re.compile(r"^apiserver_request_total\{(?P<labels>[^}]*)\} (?P<value>\S+)$", re.MULTILINE)


def writes(world):
    """Writes of API and operator so far: to headrace.dev, and to Jobs but for their status, which is Kubernetes'."""
    total = 0.0
    for series in _SERIES.finditer(world.kubectl.run("get", "--raw", "/metrics")):
        labels = dict(re.findall(r'(\w+)="([^"]*)"', series["labels"]))
        ours = labels["group"] == "headrace.dev" or (labels["resource"] == "jobs" and labels["subresource"] != "status")
        if ours and labels["verb"] in WRITES:
            total += float(series["value"])
    return total


def test_a_run_takes_at_most_ten_writes(world, count):
    made = world.pipeline(rows=200)
    world.done(made, world.api.run(made["id"])["run_id"])
    before = _settled(world)
    for _ in range(RUNS):
        world.done(made, world.api.run(made["id"])["run_id"])
    each = (_settled(world) - before) / RUNS
    count(f"{each:.1f} writes to the Kubernetes API per run")
    assert 0 < each <= BUDGET


def _settled(world):
    """The count once it no longer moves: what follows a run, such as its Job's ttl, counts too."""
    seen = [writes(world)]

    def still():
        seen.append(writes(world))
        return len(seen) > 4 and len(set(seen[-4:])) == 1

    wait_for("the writes to settle", still, seconds=40, every=1)
    return seen[-1]
