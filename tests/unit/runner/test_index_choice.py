"""Which index a run writes, what becomes of the others, and what a name may show."""

import pytest

from headrace.errors import PermanentError
from headrace_runner.targets.elasticsearch.choice import (
    Wanted,
    half_built,
    index_for,
    missing_fields,
    outlived,
    query_changed,
)
from headrace_runner.targets.elasticsearch.creation import inherited
from headrace_runner.targets.elasticsearch.found import Found, Observed, number_of, refuse_unwritable, shown_by
from headrace_runner.targets.elasticsearch.meta import DRAWN, Meta, Origin, Owner, digest_of
from headrace_runner.targets.elasticsearch.swap import actions_for

MAPPING = {"properties": {"id": {"type": "long"}}}
OURS = Owner(installation="i", namespace="n", pipeline="films")
OTHER = Owner(installation="i", namespace="n", pipeline="actors")
NEXT = None


def meta(**changes):
    values = {
        "owner": OURS,
        "key": ("id",),
        "version_rule": DRAWN,
        "mapping": digest_of(MAPPING),
        "run_id": "before",
        "is_ours": True,
        "is_building": False,
    }
    return Meta(**{**values, **changes})


def found(number, mark="ours", mapping=MAPPING, aliases=None, **changes):
    name = f"film-{number:06}" if isinstance(number, int) else number
    says = None if mark is None else meta(**changes)
    return Found(
        name=name, uuid=f"uuid of {name}", aliases=aliases or {"film": {}}, settings={}, mapping=mapping, meta=says
    )


def observed(live, *others, is_alias=True):
    generations = [it for it in (live, *others) if it is not None and number_of("film", it.name) is not None]
    generations.sort(key=lambda it: it.name)
    return Observed(name="film", live=live, is_alias=is_alias and live is not None, generations=tuple(generations))


def wanted(**changes):
    values = {
        "owner": OURS,
        "run_id": "this",
        "rebuilds": False,
        "key": ("id",),
        "version_rule": DRAWN,
        "mapping": MAPPING,
        "checkpoint_at": None,
    }
    return Wanted(**{**values, **changes})


def read(**changes):
    """What an index says that has a version column, and what a run wants that reads it."""
    origin = Origin(**{"source": "", "place": "here", "query": "q", **changes})
    return {"version_rule": "at", "origin": origin}


REBUILD = wanted(rebuilds=True)
THEIRS = observed(found("film", is_ours=False, **read()), is_alias=False)
PART = {"is_full": True, "prunes": False}
INCREMENT = {"is_full": False}
CHANGED = {"properties": {"id": {"type": "keyword"}}}
AT_2 = {"checkpoint_at": "uuid of film-000002"}
HALF = {"is_building": True}


@pytest.mark.parametrize(
    ("there", "want", "choice"),
    [
        pytest.param(observed(None), wanted(), NEXT, id="nothing is there"),
        pytest.param(observed(found(1)), wanted(), "film-000001", id="what readers see"),
        pytest.param(observed(found(1)), REBUILD, NEXT, id="a rebuild"),
        pytest.param(observed(found(1, run_id="this")), REBUILD, "film-000001", id="a rebuild that was shown before"),
        pytest.param(observed(found(1)), wanted(key=("a",)), NEXT, id="another key"),
        pytest.param(observed(found(1)), wanted(version_rule="at"), NEXT, id="another version rule"),
        pytest.param(
            observed(found(1, version_rule="at")),
            wanted(version_rule="at", mapping=CHANGED),
            NEXT,
            id="another mapping where unchanged rows are skipped",
        ),
        pytest.param(observed(found(1)), wanted(mapping=CHANGED), "film-000001", id="another mapping, to be tried"),
        pytest.param(observed(found(1), found(2, **HALF)), wanted(**AT_2), "film-000001", id="a rebuild failed before"),
        pytest.param(
            observed(found(1), found(2, **HALF)), wanted(rebuilds=True, **AT_2), "film-000002", id="a rebuild goes on"
        ),
        pytest.param(observed(None, found(2, **HALF)), wanted(**AT_2), "film-000002", id="a first load goes on"),
        pytest.param(observed(None, found(2, **HALF)), wanted(), NEXT, id="half-built, but no position is in it"),
        pytest.param(
            observed(None, found(2, **HALF)),
            wanted(mapping=CHANGED, **AT_2),
            NEXT,
            id="half-built with another mapping",
        ),
        pytest.param(
            observed(None, found(2, owner=OTHER, **HALF)), wanted(**AT_2), NEXT, id="half-built by another pipeline"
        ),
        pytest.param(observed(found(1, **HALF)), wanted(), "film-000001", id="shown, and died before it was noted"),
        pytest.param(observed(found("film", None), is_alias=False), wanted(), "film", id="somebody else's"),
        pytest.param(observed(found("theirs", None)), wanted(), "theirs", id="somebody else's, by an alias"),
        pytest.param(observed(found("theirs", None)), REBUILD, NEXT, id="a rebuild of what an alias shows"),
        pytest.param(
            observed(found("film", is_ours=False), is_alias=False), REBUILD, NEXT, id="a rebuild of what we wrote"
        ),
        pytest.param(
            observed(found(1, owner=OTHER)), REBUILD, NEXT, id="a rebuild takes the name of another pipeline over"
        ),
    ],
)
def test_the_index_that_is_written(there, want, choice):
    chosen = index_for(there, want)
    assert (chosen and chosen.name) == choice


@pytest.mark.parametrize(
    ("there", "want", "words"),
    [
        (observed(found(1, owner=OTHER)), wanted(), "is written by the pipeline n/actors; a rebuild would take"),
        (observed(found("film", owner=OTHER, is_ours=False), is_alias=False), REBUILD, "by the pipeline n/actors$"),
        (observed(found("film", None), is_alias=False), REBUILD, "never written by this pipeline"),
        (observed(found("film", is_ours=False), is_alias=False), wanted(key=("a",)), "start a rebuild"),
    ],
)
def test_an_index_that_is_not_written(there, want, words):
    with pytest.raises(PermanentError, match=words):
        index_for(there, want)


@pytest.mark.parametrize(
    ("was", "want", "choice"),
    [
        pytest.param(read(), wanted(**read()), "film-000001", id="the same"),
        pytest.param(read(), wanted(**read(source="b")), NEXT, id="another source"),
        pytest.param(read(), wanted(**read(place="there")), NEXT, id="a source that was edited"),
        pytest.param(read(), wanted(**read(query="r")), NEXT, id="another query"),
        pytest.param(read(query=""), wanted(**read()), NEXT, id="several queries"),
        pytest.param(
            read(),
            wanted(restarts=True, **INCREMENT, **read(source="b")),
            "film-000001",
            id="another source of an increment that is restarted",
        ),
        pytest.param(
            read(), wanted(rebuilds=True, **INCREMENT, **read(source="b")), NEXT, id="another source of a rebuild"
        ),
        pytest.param(read(), wanted(**INCREMENT, **read(query="r")), "film-000001", id="another query of an increment"),
        pytest.param(read(), wanted(**PART, **read(query="r")), "film-000001", id="another part"),
        pytest.param(read(place=""), wanted(**read()), "film-000001", id="a place that is not known"),
        pytest.param({"version_rule": "at"}, wanted(**read()), "film-000001", id="made by an older version"),
        pytest.param(
            {"version_rule": "at"}, wanted(**read(source="b")), NEXT, id="made by an older version, another source"
        ),
        pytest.param({}, wanted(**INCREMENT, **read(source="b")), NEXT, id="drawn versions before"),
        pytest.param({}, wanted(origin=None), "film-000001", id="drawn versions"),
        pytest.param(read(), wanted(restarts=True, **read()), NEXT, id="a restart"),
        pytest.param(
            {"run_id": "this", **read()}, wanted(restarts=True, **read()), "film-000001", id="one that is shown"
        ),
        pytest.param(read(), wanted(restarts=True, **PART, **read()), "film-000001", id="a restart of a part"),
        pytest.param(read(), wanted(restarts=True, **INCREMENT, **read()), "film-000001", id="a restarted increment"),
        pytest.param({}, wanted(restarts=True), "film-000001", id="a restart that writes all it reads"),
    ],
)
def test_documents_of_elsewhere_are_not_written_over_where_only_newer_ones_get_in(was, want, choice):
    chosen = index_for(observed(found(1, **was)), want)
    assert (chosen and chosen.name) == choice


@pytest.mark.parametrize(
    ("half", "choice"),
    [(read(source="b"), "film-000002"), (read(), NEXT), ({"version_rule": "at"}, "film-000002")],
    ids=["of the same", "of elsewhere", "made by an older version"],
)
def test_the_next_attempt_goes_on_in_the_index_that_was_begun_for_another_source(half, choice):
    """Not in what readers see: the checkpoint is of the new source by now."""
    there = observed(found(1, **read()), found(2, **HALF, **half))
    chosen = index_for(there, wanted(**AT_2, **read(source="b")))
    assert (chosen and chosen.name) == choice


@pytest.mark.parametrize(
    ("there", "want", "words"),
    [
        (
            observed(found(1, **read())),
            wanted(**PART, **read(source="b")),
            '^The source was the default one and is now "b".* for prune is false: start a rebuild',
        ),
        (
            THEIRS,
            wanted(**read(place="there")),
            '^The source leads to another host.*"film"; it was not made by Headrace: .* rebuild, which replaces it$',
        ),
        (
            THEIRS,
            wanted(restarts=True, **read(place="there")),
            "start a rebuild, which replaces it$",
        ),
        (
            THEIRS,
            wanted(**INCREMENT, **read(place="there")),
            "start a rebuild, which replaces it, or a run with restart: true goes on in this one",
        ),
        (
            observed(found(1, **read())),
            wanted(mapping=CHANGED, **PART, **read(source="b")),
            "for prune is false: start a rebuild",
        ),
        (
            observed(found(1, **read())),
            wanted(**INCREMENT, **read(source="b")),
            "a rebuild loads a new index from what the source has now, or a run with restart: true goes on in this one",
        ),
        (
            observed(found(1, version_rule="at")),
            wanted(**INCREMENT, **read(source="b")),
            '^The source was the default one and is now "b"',
        ),
        (
            observed(found(1, **read())),
            wanted(restarts=True, mapping=CHANGED, **INCREMENT, **read(source="b")),
            "what the source has now; no run can go on in this one, for its mapping, key or version column changed",
        ),
        (
            observed(found(1, **read())),
            wanted(restarts=True, key=("a",), **INCREMENT, **read(source="b")),
            "no run can go on in this one",
        ),
    ],
    ids=[
        "a part",
        "an index of somebody else",
        "also of a restart",
        "an increment into it",
        "a part of another mapping",
        "an increment",
        "an increment of an older version",
        "an increment of another mapping",
        "an increment of another key",
    ],
)
def test_documents_of_elsewhere_that_no_run_may_replace(there, want, words):
    with pytest.raises(PermanentError, match=words) as refused:
        index_for(there, want)
    assert refused.value.field == "version_column"


def test_an_increment_that_is_restarted_goes_on_in_an_index_of_somebody_else():
    assert index_for(THEIRS, wanted(restarts=True, **INCREMENT, **read(source="b"))) is THEIRS.live


@pytest.mark.parametrize(
    ("was", "want", "is_noted"),
    [
        (read(), read(query="r"), True),
        (read(), read(), False),
        (read(), {**PART, **read(query="r")}, False),
        (read(), {**INCREMENT, **read(query="r")}, False),
        (read(), {"rebuilds": True, **read(query="r")}, False),
        (read(query=""), read(), False),
        ({"version_rule": "at"}, read(), False),
        ({}, {}, False),
    ],
)
def test_another_query_into_an_index_of_somebody_else_goes_on_there_and_is_noted(was, want, is_noted):
    there = observed(found("film", is_ours=False, **was), is_alias=False)
    assert query_changed(there.live, wanted(**want)) == is_noted
    if not want.get("rebuilds"):
        assert index_for(there, wanted(**want)) is there.live


def test_no_query_is_noted_of_an_index_that_is_made_anew():
    assert not query_changed(None, wanted(**read()))
    assert not query_changed(found(1, **read()), wanted(**read(query="r")))
    assert not query_changed(found("film", None), wanted(**read()))


def test_an_index_of_several_queries_says_so():
    first, second = read()["origin"], read(query="r")["origin"]
    assert second.added_to(None) == second
    assert second.added_to(second) == second
    assert second.added_to(first) == read(query="")["origin"]
    assert second.added_to(read(query="")["origin"]) == read(query="")["origin"]


def test_a_mapping_that_does_not_fit_is_a_new_index():
    there = observed(found(1), found(2, **HALF))
    assert index_for(there, wanted(), live_fits=False) is None
    assert index_for(there, wanted(**AT_2), live_fits=False).name == "film-000002"


def names(indices):
    return [it.name for it in indices]


def test_one_index_is_kept_beside_the_one_that_is_shown():
    live = found(4)
    others = [found(1), found(2), found(3), found(5, **HALF), found(6, owner=OTHER), found(7, None)]
    there = observed(live, *others)
    assert names(outlived(there, wanted(), live.name)) == ["film-000005", "film-000001", "film-000002"]
    assert names(half_built(there, wanted())) == ["film-000005"]


def test_an_index_that_somebody_set_the_alias_back_from_is_kept():
    there = observed(found(2), found(1), found(3))
    assert outlived(there, wanted(), "film-000002") == []


def test_numbers_are_never_used_twice():
    assert observed(None).next_name == "film-000001"
    assert observed(found(1), found(7, None), found(8, owner=OTHER)).next_name == "film-000009"


@pytest.mark.parametrize(
    ("index", "number"),
    [
        ("film-000001", 1),
        ("film-012345", 12345),
        ("film", None),
        ("film-1", None),
        ("film-000001x", None),
        ("films-000001", None),
    ],
)
def test_a_generation_is_told_by_its_name(index, number):
    assert number_of("film", index) == number


@pytest.mark.parametrize(
    ("dynamic", "missing"),
    [(None, ["b"]), ("true", ["b"]), (True, ["b"]), (False, []), ("runtime", [])],
)
def test_what_somebody_elses_mapping_lacks(dynamic, missing):
    mapping = {"properties": {"a": {"type": "text"}}, **({} if dynamic is None else {"dynamic": dynamic})}
    want = wanted(mapping={"properties": {"a": {"type": "long"}, "b": {"type": "long"}}})
    assert list(missing_fields(found("film", None, mapping), want)) == missing


def resolved(*, indices=(), aliases=(), data_streams=()):
    return {
        "indices": [{"name": name, "attributes": list(attributes)} for name, attributes in indices],
        "aliases": [{"name": "film", "indices": list(names)} for names in aliases],
        "data_streams": list(data_streams),
    }


def test_what_a_name_shows():
    assert shown_by("film", resolved()) is None
    assert shown_by("film", resolved(indices=[("film", ["open"])])) == "film"
    assert shown_by("film", resolved(aliases=[["film-000001"]])) == "film-000001"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (resolved(aliases=[["a", "b"]]), r"stands for 2 indices \(a, b"),
        (resolved(indices=[("film", []), ("film2", [])]), "stands for 2 indices"),
        (resolved(data_streams=[{"name": "film", "backing_indices": [".ds-film-1"]}]), "is a data stream"),
        (resolved(indices=[("film", ["open", "system"])]), "is an index of the system"),
        (resolved(aliases=[[".ds-film-1"]]), "is an index of the system, or a hidden one"),
    ],
)
def test_what_a_name_may_not_show(answer, words):
    with pytest.raises(PermanentError, match=f'^"film" {words}') as refused:
        shown_by("film", answer)
    assert refused.value.field == "target_table"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"index.verified_before_close": "true"}, "closed"),
        ({"index.blocks.read_only_allow_delete": "true"}, "disk is nearly full"),
        ({"index.blocks.read_only": "true"}, "read-only"),
        ({"index.blocks.write": "true"}, "read-only"),
        ({"index.mode": "time_series"}, "time series"),
    ],
)
def test_what_takes_no_documents(settings, words):
    live = Found(name="film", uuid="u", aliases={}, settings=settings, mapping={}, meta=None)
    with pytest.raises(PermanentError, match=words):
        refuse_unwritable("film", live)


SHOW = {"add": {"index": "film-000002", "alias": "film", "is_write_index": True}}


class TestSwap:
    """What `_aliases` is told."""

    def test_of_nothing(self):
        assert actions_for(observed(None), "film-000002") == [SHOW]

    def test_of_an_index_of_ours_with_all_aliases_but_the_one_that_is_written_by(self):
        aliases = {"film": {"filter": {"f": 1}}, "search": {"index_routing": "1"}, "film-000001.write": {}}
        assert actions_for(observed(found(1, aliases=aliases)), "film-000002") == [
            {"remove": {"index": "film-000001", "alias": "search", "must_exist": True}},
            {"remove": {"index": "film-000001", "alias": "film", "must_exist": True}},
            {"add": {"index": "film-000002", "alias": "search", "index_routing": "1"}},
            {"add": {"index": "film-000002", "alias": "film", "filter": {"f": 1}, "is_write_index": True}},
        ]

    def test_of_somebody_elses_behind_an_alias_with_that_alias_only(self):
        there = observed(found("theirs", None, aliases={"film": {}, "other": {}}))
        assert actions_for(there, "film-000002") == [
            {"remove": {"index": "theirs", "alias": "film", "must_exist": True}},
            SHOW,
        ]

    def test_of_an_index_of_that_name(self):
        there = observed(found("film", is_ours=False, aliases={"other": {}}), is_alias=False)
        assert actions_for(there, "film-000002") == [
            {"remove_index": {"index": "film"}},
            {"add": {"index": "film-000002", "alias": "other"}},
            SHOW,
        ]


def test_the_next_index_takes_over_what_is_not_the_last_ones_own():
    settings = {
        "index.uuid": "u",
        "index.version.created": "1",
        "index.blocks.write": "true",
        "index.number_of_shards": "3",
        "index.analysis.analyzer.a.type": "custom",
    }
    assert inherited(settings) == {"index.number_of_shards": "3", "index.analysis.analyzer.a.type": "custom"}


def test_what_an_index_says_of_itself_is_read_as_it_was_written():
    says = meta(settings={"index.refresh_interval": None, "index.number_of_replicas": "2"})
    assert Meta.of({"_meta": {"headrace": says.to_json()}}) == says
    says = meta(**read())
    assert Meta.of({"_meta": {"headrace": says.to_json()}}) == says


def test_what_a_later_version_says_of_an_origin_is_left_out():
    says = meta(**read()).to_json()
    says["origin"]["more"] = 1
    assert Meta.of({"_meta": {"headrace": says}}) == meta(**read())


def test_an_index_of_an_older_version_does_not_say_what_was_read():
    says = meta().to_json()
    del says["origin"]
    assert Meta.of({"_meta": {"headrace": says}}) == meta()


@pytest.mark.parametrize("mapping", [{}, {"_meta": {}}, {"_meta": {"headrace": {"format": 99}}}])
def test_what_we_did_not_write_says_nothing(mapping):
    assert Meta.of(mapping) is None


def test_equal_mappings_have_one_digest():
    assert digest_of({"a": 1, "b": {"c": 2, "d": 3}}) == digest_of({"b": {"d": 3, "c": 2}, "a": 1})
    assert digest_of({"a": 1}) != digest_of({"a": 2})
