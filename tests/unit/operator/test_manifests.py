"""The Job of an attempt: what Kubernetes must know to run, stop and replace a runner safely."""

import dataclasses
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from headrace.lifecycle.actions import CreateJob, EmitEvent
from headrace_operator import manifests
from headrace_operator.settings import Settings

RUN_UID = "22222222-2222-2222-2222-222222222222"
STEP = CreateJob(job=f"etl-{RUN_UID}-a1", run="films-1", run_uid=RUN_UID, attempt=1, epoch=7, target_kind="postgres")


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("HEADRACE_STORE_DSN", "postgresql://store")
    return Settings(installation="here")


@pytest.fixture
def job(settings):
    return manifests.job(STEP, pipeline_name="films", pipeline_uid="p-uid", settings=settings)


def test_it_is_found_by_labels_and_owned_by_its_run(job):
    assert job["metadata"]["labels"] == {
        "app.kubernetes.io/managed-by": "headrace",
        "headrace.dev/installation": "here",
        "headrace.dev/pipeline": "p-uid",
        "headrace.dev/run": RUN_UID,
        "headrace.dev/attempt": "1",
    }
    (owner,) = job["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"]) == ("EtlRun", RUN_UID)
    assert job["spec"]["template"]["metadata"]["labels"] == job["metadata"]["labels"]


def test_a_pod_is_replaced_only_when_it_is_gone(job):
    spec = job["spec"]
    assert (spec["podReplacementPolicy"], spec["completions"], spec["parallelism"]) == ("Failed", 1, 1)
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    assert "ttlSecondsAfterFinished" not in spec


def test_exit_codes_say_whether_another_pod_can_help(job):
    rules = job["spec"]["podFailurePolicy"]["rules"]
    codes = [(rule["action"], rule["onExitCodes"]["values"]) for rule in rules if "onExitCodes" in rule]
    assert codes == [("FailJob", [64]), ("Ignore", [75, 76])]
    assert rules[2]["onPodConditions"][0]["type"] == "DisruptionTarget"


def test_the_pod_is_as_restricted_as_pods_can_be(job):
    pod = job["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 65532
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["containers"][0]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_a_dead_node_marks_the_pod_for_deletion_after_half_a_minute(job):
    tolerations = job["spec"]["template"]["spec"]["tolerations"]
    assert {t["key"]: t["tolerationSeconds"] for t in tolerations} == {
        "node.kubernetes.io/not-ready": 30,
        "node.kubernetes.io/unreachable": 30,
    }


def test_secrets_come_by_reference_and_the_runner_stops_before_it_is_killed(job):
    pod = job["spec"]["template"]["spec"]
    env = {e["name"]: e.get("value") or e["valueFrom"]["secretKeyRef"] for e in pod["containers"][0]["env"]}
    assert env["HEADRACE_RUN_ID"] == RUN_UID
    assert env["HEADRACE_EPOCH"] == "7"
    assert env["HEADRACE_STORE_DSN"] == {"name": "headrace-dsn", "key": "store"}
    assert int(env["HEADRACE_GRACE_SECONDS"]) < pod["terminationGracePeriodSeconds"]
    assert "postgresql://store" not in str(job)


def test_the_list_of_allowed_targets_is_handed_on(job):
    (container,) = job["spec"]["template"]["spec"]["containers"]
    env = {e["name"]: e.get("value") for e in container["env"]}
    assert env["ALLOWED_TARGET_TABLES"] == "analytics.film_dim,analytics.film_rating_agg,es:film_dim"


PLACED = {
    "HEADRACE_RUNNER_SERVICE_ACCOUNT": "runner",
    "HEADRACE_RUNNER_IMAGE_PULL_SECRETS": "one, two",
    "HEADRACE_RUNNER_PRIORITY_CLASS": "batch",
    "HEADRACE_RUNNER_NODE_SELECTOR": '{"pool": "etl"}',
    "HEADRACE_RUNNER_TOLERATIONS": '[{"key": "etl", "operator": "Exists"}]',
    "HEADRACE_RUNNER_VOLUMES": '[{"name": "ca", "configMap": {"name": "database-ca"}}]',
    "HEADRACE_RUNNER_VOLUME_MOUNTS": '[{"name": "ca", "mountPath": "/etc/database", "readOnly": true}]',
    "HEADRACE_RUNNER_LABELS": '{"team": "data", "headrace.dev/run": "another"}',
    "HEADRACE_RUNNER_ANNOTATIONS": '{"cost-centre": "7"}',
    "HEADRACE_RUNNER_CPU_LIMIT": "2",
}


def test_where_pods_run_and_what_they_are_labelled_with_can_be_set(monkeypatch):
    monkeypatch.setenv("HEADRACE_STORE_DSN", "postgresql://store")
    for name, value in PLACED.items():
        monkeypatch.setenv(name, value)
    body = manifests.job(STEP, pipeline_name="films", pipeline_uid="p-uid", settings=Settings())
    template = body["spec"]["template"]
    pod = template["spec"]
    assert (pod["serviceAccountName"], pod["automountServiceAccountToken"]) == ("runner", False)
    assert (pod["imagePullSecrets"], pod["priorityClassName"]) == ([{"name": "one"}, {"name": "two"}], "batch")
    assert pod["nodeSelector"] == {"pool": "etl"}
    assert pod["tolerations"][2:] == [{"key": "etl", "operator": "Exists"}]
    assert pod["volumes"][1:] == [{"name": "ca", "configMap": {"name": "database-ca"}}]
    assert pod["containers"][0]["volumeMounts"][1:] == [{"name": "ca", "mountPath": "/etc/database", "readOnly": True}]
    assert pod["containers"][0]["resources"]["limits"] == {"memory": "256Mi", "cpu": "2"}
    for metadata in (body["metadata"], template["metadata"]):
        assert (metadata["labels"]["team"], metadata["annotations"]["cost-centre"]) == ("data", "7")
        assert metadata["labels"]["headrace.dev/run"] == RUN_UID, "our own labels win"


def test_job_and_pod_say_which_source_they_have_a_connection_to(monkeypatch):
    monkeypatch.setenv("HEADRACE_STORE_DSN", "postgresql://store")
    step = dataclasses.replace(STEP, source="shop")
    body = manifests.job(step, pipeline_name="films", pipeline_uid="p-uid", settings=Settings())
    for metadata in (body["metadata"], body["spec"]["template"]["metadata"]):
        assert metadata["annotations"] == {"headrace.dev/pipeline-name": "films", "headrace.dev/source": "shop"}


def test_without_such_settings_the_pod_says_nothing_of_them(job):
    pod = job["spec"]["template"]["spec"]
    assert pod.keys().isdisjoint({"serviceAccountName", "imagePullSecrets", "priorityClassName", "nodeSelector"})
    assert (len(pod["volumes"]), len(pod["containers"][0]["volumeMounts"])) == (1, 1)
    assert pod["containers"][0]["resources"]["limits"] == {"memory": "256Mi"}


@pytest.mark.parametrize("value", ["", "null"])
def test_an_empty_setting_says_nothing_as_helm_has_it_for_a_value_that_was_dropped(monkeypatch, value):
    monkeypatch.setenv("HEADRACE_STORE_DSN", "postgresql://store")
    for name in ("NODE_SELECTOR", "TOLERATIONS", "VOLUMES", "VOLUME_MOUNTS", "LABELS", "ANNOTATIONS"):
        monkeypatch.setenv(f"HEADRACE_RUNNER_{name}", value)
    settings = Settings()
    assert (settings.runner_node_selector, settings.runner_tolerations, settings.runner_labels) == ({}, [], {})
    assert (settings.runner_volumes, settings.runner_volume_mounts) == ([], [])


@pytest.mark.parametrize(
    ("value", "asked"),
    [("1000650000", {"runAsUser": 1000650000, "runAsGroup": 1000650000}), ("auto", {})],
)
def test_the_user_can_be_set_or_left_to_the_cluster_but_is_never_root(monkeypatch, value, asked):
    monkeypatch.setenv("HEADRACE_STORE_DSN", "postgresql://store")
    monkeypatch.setenv("HEADRACE_RUNNER_USER", value)
    body = manifests.job(STEP, pipeline_name="films", pipeline_uid="p-uid", settings=Settings())
    security = body["spec"]["template"]["spec"]["securityContext"]
    assert security == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}} | asked


@pytest.mark.parametrize("value", ["0", "-1", "", "root", "4294967296"])
def test_a_user_that_can_not_be_is_refused(monkeypatch, value):
    monkeypatch.setenv("HEADRACE_STORE_DSN", "postgresql://store")
    monkeypatch.setenv("HEADRACE_RUNNER_USER", value)
    with pytest.raises(ValidationError, match="HEADRACE_RUNNER_USER"):
        Settings()


@pytest.mark.parametrize("value", ["{", "[]", '{"a": 1}'])
def test_a_setting_that_is_not_the_json_that_it_should_be_is_named(monkeypatch, value):
    monkeypatch.setenv("HEADRACE_STORE_DSN", "postgresql://store")
    monkeypatch.setenv("HEADRACE_RUNNER_NODE_SELECTOR", value)
    with pytest.raises(ValidationError, match="HEADRACE_RUNNER_NODE_SELECTOR"):
        Settings()


def environment(settings, kind):
    step = dataclasses.replace(STEP, target_kind=kind)
    body = manifests.job(step, pipeline_name="films", pipeline_uid="p-uid", settings=settings)
    (container,) = body["spec"]["template"]["spec"]["containers"]
    found = {e["name"]: e.get("value") for e in container["env"]}
    secret = [e["name"] for e in container["env"] if "valueFrom" in e]
    return secret, {name: value for name, value in found.items() if name.endswith("_FILE")}


FILES = {
    "postgres": {"HEADRACE_TARGET_DSN_FILE": "/etc/headrace/connections/target"},
    "elasticsearch": {"HEADRACE_ELASTICSEARCH_FILE": "/etc/headrace/connections/elasticsearch"},
    "": {},
}


@pytest.mark.parametrize("kind", FILES)
def test_a_run_finds_its_source_and_target_in_files_and_gets_nothing_of_others(settings, kind):
    secret, files = environment(settings, kind)
    assert secret == ["HEADRACE_STORE_DSN"]
    assert files == {"HEADRACE_SOURCE_DSN_FILE": "/etc/headrace/connections/source"} | FILES[kind]


def test_the_files_are_those_of_the_runs_own_secret_which_any_user_of_the_pod_may_read(job):
    pod = job["spec"]["template"]["spec"]
    (volume,) = pod["volumes"]
    assert volume["secret"] == {"secretName": f"etl-{RUN_UID}", "defaultMode": 0o444}
    (mount,) = pod["containers"][0]["volumeMounts"]
    assert mount == {"name": volume["name"], "mountPath": "/etc/headrace/connections", "readOnly": True}


def test_one_event_is_one_however_often_it_is_told():
    def name(message: str) -> str:
        step = EmitEvent(run="films-1", uid=RUN_UID, type="Warning", reason="RunFailed", message=message)
        now = datetime.now(UTC)
        return manifests.event(step, pipeline_name="films", namespace="n", now=now)["metadata"]["name"]

    assert name("no") == name("no")
    assert name("no") != name("no column")
