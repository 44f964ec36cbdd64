"""The runner holds the run that it reads from the store to the list that its Job brought."""

import pytest

from headrace.errors import PermanentError
from headrace.runspec import RunSpec
from headrace_runner.allowed import refuse_other_targets

ALLOWED = ("analytics.*", "es:film_dim")


def spec(kind, schema, table):
    return RunSpec(
        run_id="r",
        installation="i",
        namespace="n",
        pipeline_name="p",
        pipeline_uid="u",
        query="SELECT 1",
        target_kind=kind,
        target_schema=schema,
        target_table=table,
    )


@pytest.mark.parametrize("target", [("postgres", "analytics", "film_dim"), ("elasticsearch", "", "film_dim")])
def test_what_is_on_the_list_passes(target):
    refuse_other_targets(spec(*target), ALLOWED)


@pytest.mark.parametrize(
    ("target", "address"),
    [
        (("postgres", "public", "film_dim"), "public.film_dim"),
        (("postgres", "Analytics", "film_dim"), "Analytics.film_dim"),
        (("elasticsearch", "", "films"), "es:films"),
        # Its address would be one that is allowed; what would be written is something else.
        (("elasticsearch", "analytics", "film_dim"), "es:film_dim"),
        (("elasticsearch", "analytics", "films"), "es:films"),
        (("postgres", "es:film_dim", ""), "es:film_dim."),
        (("postgres", "", "film_dim"), ".film_dim"),
        (("postgres", "analytics.others", "t"), "analytics.others.t"),
        (("postgres", "analytics", 'x"; DROP TABLE y; --'), 'analytics.x"; DROP TABLE y; --'),
        (("postgres", "analytics", "t\n"), "analytics.t\n"),
        (("mysql", "analytics", "film_dim"), "analytics.film_dim"),
    ],
)
def test_anything_else_is_refused_in_the_words_of_api_and_operator(target, address):
    with pytest.raises(PermanentError) as refused:
        refuse_other_targets(spec(*target), ALLOWED)
    assert refused.value.message.startswith(f"target_table '{address}' is not allowed")
    assert refused.value.field == "target_table"


def test_an_empty_list_allows_nothing():
    with pytest.raises(PermanentError, match="not allowed"):
        refuse_other_targets(spec("postgres", "analytics", "film_dim"), ())
