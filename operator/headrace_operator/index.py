"""All resources as last seen: to know whom to wake, never to decide by; decisions read live."""

from collections.abc import Callable
from typing import Any

from headrace import names
from headrace.lifecycle.endpoints import EndpointSeen, read_destination, read_source
from headrace.manifests import Manifest
from headrace.model.pipeline import destination_name, source_name
from headrace_operator.figures.standings import Standings

Tell = Callable[[str, Manifest | None, Manifest | None], None]
"""Called with plural, and the resource as it was and is known; None: it was, or is, not there."""

_METADATA = frozenset({"name", "uid", "generation", "resourceVersion", "creationTimestamp", "deletionTimestamp"})
_ENDS = {names.SOURCE_PLURAL: read_source, names.DESTINATION_PLURAL: read_destination}
_WHOLE = frozenset({names.SCHEDULE_PLURAL, names.BACKFILL_PLURAL, *_ENDS})
"""Few and short. A plan may begin with such a copy: saving it fails when it is not the newest."""
_SPEC = {
    names.PIPELINE_PLURAL: frozenset(
        {"name", "project", "mode", "suspend", "enabled", "source", "destination", "targetTable"}
    ),
    names.RUN_PLURAL: frozenset({"pipeline", "kind", "schedule", "dueAt", "backfill", "suspend"}),
    names.PROJECT_PLURAL: frozenset({"name"}),
}
_LABELS = frozenset({names.SCHEDULE_LABEL, names.BACKFILL_LABEL})
_STATUS = {names.RUN_PLURAL: frozenset({"phase", "archived", "source", "destination", "job"})}
_FOUND_BY = {
    names.PIPELINE_PLURAL: ("metadata.name", "spec.name", "spec.project", "spec.source", "spec.destination"),
    names.RUN_PLURAL: ("spec.pipeline", "spec.schedule", "spec.backfill", "status.source", "status.destination"),
    names.PROJECT_PLURAL: ("metadata.name", "spec.name"),
    names.SCHEDULE_PLURAL: ("metadata.name", "spec.pipeline"),
    names.BACKFILL_PLURAL: ("metadata.name", "spec.schedule"),
    names.SOURCE_PLURAL: ("metadata.name", "spec.name"),
    names.DESTINATION_PLURAL: ("metadata.name", "spec.name"),
}
KINDS = tuple(_FOUND_BY)
"""The plurals of all kinds that are watched."""
_SHOWN = frozenset({names.PIPELINE_PLURAL, names.RUN_PLURAL})
"""What metrics are made of."""


class Index:
    """Resources by plural and uid, and by the fields that others name them by."""

    def __init__(self) -> None:
        self._resources: dict[str, dict[str, Manifest]] = {plural: {} for plural in KINDS}
        self._uids: dict[tuple[str, str, str], set[str]] = {}
        """By plural, field and value."""
        self._ends: dict[str, EndpointSeen] = {}
        """Sources and destinations, read, by uid: a plan of each pipeline asks for two."""
        self._tell: Tell = lambda *_: None
        self.standings = Standings()
        """What metrics are made of."""

    def listen(self, tell: Tell) -> None:
        """`tell` hears of every change, whoever saw it first: what we wrote ourselves no event tells as news."""
        self._tell = tell

    def put(self, plural: str, resource: Manifest) -> bool:
        """Keeps a resource as it is now; whether that is news."""
        slim = _slim(plural, resource)
        uid = slim["metadata"]["uid"]
        before = self._resources[plural].get(uid)
        if before is not None and not _is_newer(slim, before):
            return False
        self._drop(plural, uid)
        self._resources[plural][uid] = slim
        for key in _keys(plural, slim):
            self._uids.setdefault(key, set()).add(uid)
        if plural in _SHOWN:
            self.standings.put(plural, resource)
        if plural in _ENDS:
            self._ends[uid] = _ENDS[plural](slim)
        self._tell(plural, before, slim)
        return True

    def remove(self, plural: str, uid: str) -> None:
        """Forgets a resource."""
        before = self._drop(plural, uid)
        if plural in _SHOWN:
            self.standings.remove(plural, uid)
        if before is not None:
            self._tell(plural, before, None)

    def _drop(self, plural: str, uid: str) -> Manifest | None:
        before = self._resources[plural].pop(uid, None)
        self._ends.pop(uid, None)
        for key in _keys(plural, before) if before is not None else ():
            uids = self._uids[key]
            uids.discard(uid)
            if not uids:
                del self._uids[key]
        return before

    def get(self, plural: str, uid: str) -> Manifest | None:
        """A resource as it was last seen."""
        return self._resources[plural].get(uid)

    def all(self, plural: str) -> list[Manifest]:
        """All resources of a kind."""
        return list(self._resources[plural].values())

    def find(self, plural: str, field: str, value: str | None) -> list[Manifest]:
        """Those with that value in a field such as `spec.pipeline`; none has None."""
        if value is None:
            return []
        return [self._resources[plural][uid] for uid in self._uids.get((plural, field, value), ())]

    def named(self, plural: str, name: str | None) -> Manifest | None:
        """The one with that `metadata.name`; the newer, where one that is gone was not told yet."""
        return max(self.find(plural, "metadata.name", name), key=_age, default=None)

    def project_named(self, name: str) -> bool:
        """Whether there is a project of that `metadata.name`."""
        projects = self.find(names.PROJECT_PLURAL, "metadata.name", name)
        return any("deletionTimestamp" not in project["metadata"] for project in projects)

    def source(self, name: str) -> EndpointSeen | None:
        """The EtlSource of that `metadata.name`."""
        return self._end(names.SOURCE_PLURAL, name)

    def connections_for_runs(self, source: str) -> int | None:
        """How many of a source's connections are for runs and previews; None: there is no bound."""
        seen = self.source(source)
        return seen.connections_for_runs if seen is not None else None

    def destination(self, name: str) -> EndpointSeen | None:
        """The EtlDestination of that `metadata.name`."""
        return self._end(names.DESTINATION_PLURAL, name)

    def _end(self, plural: str, name: str) -> EndpointSeen | None:
        found = self.named(plural, name)
        return self._ends[found["metadata"]["uid"]] if found is not None else None

    def readers(self, source: str) -> list[Manifest]:
        """The pipelines that read from the source of that `metadata.name`; the default one's name none."""
        return self.find(names.PIPELINE_PLURAL, "spec.source", source)

    def writers(self, destination: str) -> list[Manifest]:
        """The pipelines that write to the destination of that `metadata.name`; the default ones' name none."""
        return self.find(names.PIPELINE_PLURAL, "spec.destination", destination)

    def older_namesake(self, resource: Manifest, plural: str = names.PIPELINE_PLURAL) -> str | None:
        """`metadata.name` of the oldest other resource of the kind with the same spec.name, if that is older."""
        older = [other for other in self._others(resource, plural) if _age(other) < _age(resource)]
        return str(min(older, key=_age)["metadata"]["name"]) if older else None

    def namesakes(self, resource: Manifest, plural: str = names.PIPELINE_PLURAL) -> list[str]:
        """`metadata.name` of all other resources of the kind with the same spec.name."""
        return [str(other["metadata"]["name"]) for other in self._others(resource, plural)]

    def _others(self, resource: Manifest, plural: str) -> list[Manifest]:
        own = resource["metadata"]["uid"]
        alike = self.find(plural, "spec.name", resource["spec"].get("name", ""))
        return [o for o in alike if o["metadata"]["uid"] != own and "deletionTimestamp" not in o["metadata"]]


def _age(resource: Manifest) -> tuple[str, str]:
    return resource["metadata"]["creationTimestamp"], resource["metadata"]["uid"]


def _is_newer(resource: Manifest, before: Manifest) -> bool:
    """An event may come after the answer to a write that followed it: versions of one resource can be compared."""
    new, old = (str(r["metadata"]["resourceVersion"]) for r in (resource, before))
    return int(new) > int(old) if new.isdecimal() and old.isdecimal() else new != old


def _keys(plural: str, slim: Manifest) -> list[tuple[str, str, str]]:
    found = []
    for field in _FOUND_BY[plural]:
        part, _, name = field.partition(".")
        value = _effective(plural, field, slim["spec"]) or slim[part].get(name, "" if name == "name" else None)
        if value is not None:
            found.append((plural, field, str(value)))
    return found


def _effective(plural: str, field: str, spec: Manifest) -> str | None:
    """Source and destination of a pipeline, where it names none too."""
    if plural != names.PIPELINE_PLURAL:
        return None
    match field:
        case "spec.source":
            return source_name(spec.get("source"))
        case "spec.destination":
            return destination_name(spec.get("destination"), str(spec.get("targetTable") or ""))
    return None


def _slim(plural: str, resource: Manifest) -> Manifest:
    """Only what is asked for here: queries are long, and there may be ten thousand."""
    metadata, spec, status = (resource.get(part) or {} for part in ("metadata", "spec", "status"))
    if plural in _WHOLE:
        return {"metadata": {**metadata, "managedFields": _writes(metadata)}, "spec": spec, "status": status}
    labels = {k: v for k, v in (metadata.get("labels") or {}).items() if k in _LABELS}
    return {
        "metadata": {k: v for k, v in metadata.items() if k in _METADATA} | ({"labels": labels} if labels else {}),
        "spec": {k: v for k, v in spec.items() if k in _SPEC[plural]},
        "status": {k: _short(v) for k, v in status.items() if k in _STATUS.get(plural, ())},
    }


def _short(value: Any) -> Any:
    """Of a run's Job only whether it is at work."""
    return {"active": bool(value.get("active"))} if isinstance(value, dict) else value


def _writes(metadata: Manifest) -> list[Manifest]:
    """Who wrote to the specification, and when; not each field of it."""
    entries = metadata.get("managedFields") or []
    return [
        {"time": e.get("time"), "fieldsV1": {"f:spec": {}}} for e in entries if "f:spec" in (e.get("fieldsV1") or {})
    ]
