"""What the installation says of itself: statistics, information, metrics."""

from tests.e2e.platform.client import moment


def test_statistics_are_about_all_runs(platform, world):
    pipeline = platform.pipeline()
    world.done(pipeline, world.api.run(pipeline["id"])["run_id"])
    found = platform.get("/statistics")
    assert found.keys() >= {
        "total_projects", "total_pipelines", "total_runs", "success_rate", "average_run_seconds", "runs_by_state",
    }  # fmt: skip
    assert found["total_pipelines"] >= 1
    assert found["total_runs"] == sum(found["runs_by_state"].values()) >= 1
    assert 0 <= found["success_rate"] <= 1
    assert found["runs_by_state"]["SUCCESS"] >= 1


def test_the_installation_says_what_it_is_without_secrets(platform, world):
    found = platform.get("/info")
    assert found["name"] == "headrace"
    assert "password" not in str(found).lower()
    assert moment(world.api.request("GET", "/info").json()["meta"]["timestamp"])


def test_metrics_tell_of_the_process_and_of_the_machine(world):
    answer = world.api.request("GET", "/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    for name in ("process_resident_memory_bytes", "process_cpu_seconds_total", "system_"):
        assert name in answer.text, name


def test_every_path_answers_with_a_slash_too(platform, world):
    for path in ("/projects", "/runs", "/schedules", "/stream/status", "/statistics", "/info"):
        assert world.api.request("GET", f"{path}/").status_code == 200, path
