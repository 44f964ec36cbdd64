"""All pipelines and runs as last seen: to know whom to wake, never to decide by; decisions read live."""

from typing import Any

from headrace import names
from headrace_operator.standings import Standings

Manifest = dict[str, Any]


_METADATA = frozenset({"name", "uid", "resourceVersion", "creationTimestamp", "deletionTimestamp"})
_SPEC = frozenset({"name", "pipeline"})


class Index:
    """Resources by plural and uid; pipelines also by the name that people see."""

    def __init__(self) -> None:
        self._resources: dict[str, dict[str, Manifest]] = {names.PIPELINE_PLURAL: {}, names.RUN_PLURAL: {}}
        self._shown: dict[str, set[str]] = {}
        self.standings = Standings()
        """What metrics are made of."""

    def put(self, plural: str, resource: Manifest) -> bool:
        """Keeps a resource as it is now; whether that is news."""
        slim = _slim(resource)
        uid = slim["metadata"]["uid"]
        before = self._resources[plural].get(uid)
        if before is not None and before["metadata"]["resourceVersion"] == slim["metadata"]["resourceVersion"]:
            return False
        self._drop(plural, uid)
        self._resources[plural][uid] = slim
        self.standings.put(plural, resource)
        if plural == names.PIPELINE_PLURAL:
            self._shown.setdefault(slim["spec"].get("name", ""), set()).add(uid)
        return True

    def remove(self, plural: str, uid: str) -> None:
        """Forgets a resource."""
        self._drop(plural, uid)
        self.standings.remove(plural, uid)

    def _drop(self, plural: str, uid: str) -> None:
        before = self._resources[plural].pop(uid, None)
        if before is not None and plural == names.PIPELINE_PLURAL:
            self._shown.get(before["spec"].get("name", ""), set()).discard(uid)

    def get(self, plural: str, uid: str) -> Manifest | None:
        """A resource as it was last seen."""
        return self._resources[plural].get(uid)

    def all(self, plural: str) -> list[Manifest]:
        """All resources of a kind."""
        return list(self._resources[plural].values())

    def older_namesake(self, pipeline: Manifest) -> str | None:
        """`metadata.name` of the oldest other pipeline with the same spec.name, if that is older."""
        older = [p for p in self._others(pipeline) if _age(p) < _age(pipeline)]
        return str(min(older, key=_age)["metadata"]["name"]) if older else None

    def namesakes(self, pipeline: Manifest) -> list[str]:
        """`metadata.name` of all other pipelines with the same spec.name."""
        return [str(p["metadata"]["name"]) for p in self._others(pipeline)]

    def _others(self, pipeline: Manifest) -> list[Manifest]:
        pipelines = self._resources[names.PIPELINE_PLURAL]
        uids = self._shown.get(pipeline["spec"].get("name", ""), set()) - {pipeline["metadata"]["uid"]}
        return [pipelines[uid] for uid in uids if "deletionTimestamp" not in pipelines[uid]["metadata"]]


def _age(pipeline: Manifest) -> tuple[str, str]:
    return pipeline["metadata"]["creationTimestamp"], pipeline["metadata"]["uid"]


def _slim(resource: Manifest) -> Manifest:
    """Only what is asked for here: queries are long, and there may be ten thousand."""
    metadata = {k: v for k, v in resource["metadata"].items() if k in _METADATA}
    return {"metadata": metadata, "spec": {k: v for k, v in (resource.get("spec") or {}).items() if k in _SPEC}}
