"""Whether a pipeline's source and destination fit it."""

from contextlib import nullcontext

import pytest

from headrace.errors import InvalidError
from headrace.lifecycle.ends import check_ends
from headrace.model.pipeline import PipelineSpec

HERE = {"host": "db.example", "port": 5432, "database": "movies"}


def end(*, type_="postgres", seen=None, **spec):
    return {"metadata": {"name": "x"}, "spec": {"name": "x", "type": type_, **spec}, "status": {"connection": seen}}


def of_table(target="analytics.films", table="analytics.films"):
    return PipelineSpec(name="films", target_table=target, source_table=table)


INDEX, TABLE = of_table(target="es:films"), of_table(table="content.film_work")
CASES = {
    "neither is there": (of_table(), None, None, None),
    "only the source": (of_table(), end(**HERE), None, None),
    "only the destination": (of_table(), None, end(**HERE), None),
    "an index into a search engine": (INDEX, end(**HERE), end(type_="elasticsearch", host="es"), None),
    "an index into a database": (INDEX, None, end(**HERE), "destination_id"),
    "a table into a search engine": (TABLE, None, end(type_="elasticsearch", host="es"), "destination_id"),
    "a type that is not said": (INDEX, None, {"metadata": {}, "spec": {"name": "x"}}, "destination_id"),
    "another table of the same place": (TABLE, end(**HERE), end(**HERE), None),
    "a query of the same place": (
        PipelineSpec(name="films", target_table="analytics.films", source_query="SELECT 1"),
        end(**HERE), end(**HERE), None,
    ),
    "the same table": (of_table(), end(**HERE), end(**HERE), "source_table"),
    "the same host in other letters": (of_table(), end(**HERE), end(**HERE | {"host": "DB.example"}), "source_table"),
    "the usual port left out": (of_table(), end(**HERE), end(host="db.example", database="movies"), "source_table"),
    "another port": (of_table(), end(**HERE), end(**HERE | {"port": 5433}), None),
    "another database": (of_table(), end(**HERE), end(**HERE | {"database": "target"}), None),
    "seen where a Secret says it": (
        of_table(), end(connectionSecret={"name": "s", "key": "source"}, seen=HERE), end(**HERE), "source_table",
    ),
    "not seen yet": (of_table(), end(connectionSecret={"name": "s", "key": "source"}), end(**HERE), None),
    "seen before it was changed": (of_table(), end(**HERE | {"host": "new"}, seen=HERE), end(**HERE), None),
}  # fmt: skip


@pytest.mark.parametrize(("spec", "source", "destination", "field"), CASES.values(), ids=CASES.keys())
def test_source_and_destination_have_to_fit(spec, source, destination, field):
    with nullcontext() if field is None else pytest.raises(InvalidError) as caught:
        check_ends(spec, source, destination)
    assert field is None or caught.value.field == field
