"""The installation's own source and destinations are resources, made of what its Secret has."""

from typing import Any

import pytest
from structlog.testing import capture_logs
from tests.unit.operator.monitor.kubernetes import Kubernetes

from headrace import names
from headrace.errors import NotGrantedError, UnavailableError
from headrace.model.destination import DestinationSpec
from headrace.model.source import SourceSpec
from headrace.store.store import Store
from headrace_operator.monitor.defaults import Defaults
from headrace_operator.monitor.monitor import Monitor
from headrace_operator.settings import Settings

ALL = {"store": "x", "source": "x", "target": "x", "elasticsearch-url": "x", "elasticsearch-api-key": "x"}


def defaults(kubernetes: Kubernetes) -> Defaults:
    return Defaults(kubernetes, dsn_secret="headrace-dsn", installation="default")  # type: ignore[arg-type]


def there(kubernetes: Kubernetes) -> set[tuple[str, str]]:
    return set(kubernetes.there)


SOURCE, TABLES = (names.SOURCE_PLURAL, "default"), (names.DESTINATION_PLURAL, "default")
INDICES = (names.DESTINATION_PLURAL, "elasticsearch")


@pytest.mark.parametrize(
    ("data", "made"),
    [
        (None, set()),
        ({"store": "x"}, set()),
        ({"source": "x"}, {SOURCE}),
        ({"source": "x", "target": "x"}, {SOURCE, TABLES}),
        ({"elasticsearch-url": "x"}, {INDICES}),
        ({"elasticsearch-api-key": "x"}, set()),
        (ALL, {SOURCE, TABLES, INDICES}),
    ],
    ids=["no Secret", "the store alone", "a source", "both", "an index", "no address", "all"],
)
async def test_what_the_secret_has_is_made(data: dict[str, str] | None, made: set[tuple[str, str]]) -> None:
    kubernetes = Kubernetes()
    if data is not None:
        kubernetes.put_secret("headrace-dsn", data)
    await defaults(kubernetes).ensure()
    assert there(kubernetes) == made


async def test_they_are_valid_and_hold_no_secret() -> None:
    kubernetes = Kubernetes()
    kubernetes.put_secret("headrace-dsn", dict.fromkeys(ALL, "hunter2"))
    await defaults(kubernetes).ensure()
    specs: list[Any] = [SourceSpec.model_validate(kubernetes.there[SOURCE]["spec"])]
    specs += [DestinationSpec.model_validate(kubernetes.there[each]["spec"]) for each in (TABLES, INDICES)]
    assert [(s.type.value, s.connection_secret.key) for s in specs] == [
        ("postgres", "source"),
        ("postgres", "target"),
        ("elasticsearch", "elasticsearch"),
    ]
    assert "hunter2" not in str(kubernetes.there)


async def test_what_exists_is_not_changed_and_a_key_that_is_added_counts() -> None:
    kubernetes = Kubernetes()
    kubernetes.put_secret("headrace-dsn", {"source": "x"})
    mine = kubernetes.put(names.SOURCE_PLURAL, "default", name="mine", host="db", database="shop")
    await defaults(kubernetes).ensure()
    assert (there(kubernetes), kubernetes.there[SOURCE]) == ({SOURCE}, mine)
    kubernetes.put_secret("headrace-dsn", {"source": "x", "target": "x"})
    await defaults(kubernetes).ensure()
    assert there(kubernetes) == {SOURCE, TABLES}


async def test_while_kubernetes_is_away_that_is_told() -> None:
    kubernetes = Kubernetes()
    kubernetes.fail["get secrets"] = UnavailableError("away", part="kubernetes")
    with pytest.raises(UnavailableError):
        await defaults(kubernetes).ensure()


@pytest.mark.parametrize(
    ("taken", "name"),
    [
        ([], "default"),
        (["Default"], "default"),
        (["default"], "default (installation)"),
        (["default", "default (installation)"], "default (installation 2)"),
    ],
)
async def test_where_another_has_its_name_it_gets_one_of_its_own_so_that_it_is_looked_at(
    taken: list[str], name: str
) -> None:
    kubernetes = Kubernetes()
    kubernetes.put_secret("headrace-dsn", {"source": "x", "target": "x"})
    for number, each in enumerate(taken):
        kubernetes.put(names.SOURCE_PLURAL, f"mine-{number}", name=each, host="db", database="shop")
    await defaults(kubernetes).ensure()
    assert kubernetes.there[SOURCE]["spec"]["name"] == name
    assert kubernetes.there[TABLES]["spec"]["name"] == "default"
    assert kubernetes.index.older_namesake(kubernetes.there[SOURCE], names.SOURCE_PLURAL) is None


@pytest.mark.parametrize("call", ["get secrets", "create etlsources"])
async def test_the_lack_of_a_right_does_not_keep_the_operator_from_its_work(call: str) -> None:
    kubernetes = Kubernetes()
    kubernetes.put_secret("headrace-dsn", {"source": "x"})
    made = Monitor(
        cluster=kubernetes,  # type: ignore[arg-type]
        store=Store("postgresql://nowhere"),
        index=kubernetes.index,
        settings=Settings(HEADRACE_STORE_DSN="postgresql://nowhere"),
    )
    why = NotGrantedError("a right is missing", part="kubernetes")
    why.add_note("system:serviceaccount:a:b cannot do it")
    kubernetes.fail[call] = why
    with capture_logs() as logs:
        await made.ensure_defaults()
    assert [entry["notes"] for entry in logs] == [why.notes]
    kubernetes.fail[call] = UnavailableError("away", part="kubernetes")
    with pytest.raises(UnavailableError):
        await made.ensure_defaults()
    await made.ensure_defaults()
    assert there(kubernetes) == {SOURCE}
