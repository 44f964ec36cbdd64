"""An Elasticsearch index as a run would find it, and the mapping that it would make."""

from headrace.errors import PermanentError
from headrace.runspec import RunSpec
from headrace.search.endpoint import Endpoint
from headrace_runner.credentials import elasticsearch_of
from headrace_runner.preview.found import TargetFound
from headrace_runner.settings import Settings
from headrace_runner.shape import Shape
from headrace_runner.targets.elasticsearch.client import open_client, translated
from headrace_runner.targets.elasticsearch.mapping import documents_of, key_fields

_NO_KEY = "The documents of an index need a key: set key_columns to columns that identify a row"


def index_of(settings: Settings, spec: RunSpec, shape: Shape, key: tuple[str, ...]) -> TargetFound:
    """Raises PermanentError and TransientError where nothing can be told."""
    key_fields(shape, key)
    _, mapping = documents_of(shape, spec, key)
    target = {"kind": "elasticsearch", "exists": _exists(settings, spec), "ddl": None, "mapping": dict(mapping)}
    return TargetFound(target=target, key=key, notes=() if key else (_NO_KEY,))


def _exists(settings: Settings, spec: RunSpec) -> bool:
    if settings.elasticsearch is None:
        raise PermanentError("The target is not shown: nothing says how it is reached")
    client = open_client(Endpoint.from_settings(elasticsearch_of(settings.elasticsearch)))
    try:
        with translated():
            return bool(client.indices.exists(index=spec.target_table))
    finally:
        client.close()
