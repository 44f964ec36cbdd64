"""The life of an index on a real server: made out of sight, shown at once, and gone on with after a death anywhere."""

import dataclasses
import itertools
import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.integration.runner.elasticsearch.library import IDS, LONG, MORE, TEXT, Died, Library

from headrace.errors import OutrunError, PermanentError, TransientError
from headrace_runner.targets.elasticsearch.indices import count_of


@pytest.fixture
def library(elasticsearch: Any) -> Iterator[Library]:
    made = Library(elasticsearch)
    yield made
    made.delete_all()


def test_a_missing_index_is_made_out_of_sight_and_shown_at_the_end(library):
    indices, index = library.open(library.spec())
    assert (index.name, index.is_building, index.is_new) == (f"{library.name}-000001", True, True)
    settings = library.settings("-000001")
    assert (settings["index.number_of_replicas"], settings["index.refresh_interval"]) == ("0", "-1")
    library.write(index, IDS)
    assert library.shown() == set()
    assert count_of(library.client, library.name) == 0
    indices.finish(least=len(IDS), most=len(IDS))
    library.assert_as_if_nothing_had_happened("-000001")


def test_the_next_run_writes_what_is_there_and_touches_no_setting_of_it(library):
    library.run()
    library.server.request("PUT", f"/{library.name}/_settings", {"index": {"refresh_interval": "7s"}})
    index = library.run()
    assert (index.name, index.is_building) == (f"{library.name}-000001", False)
    assert library.settings("-000001")["index.refresh_interval"] == "7s"


def test_what_a_run_wrote_a_search_sees_at_once(library):
    library.run()
    library.server.request("PUT", f"/{library.name}/_settings", {"index": {"refresh_interval": "1h"}})
    library.run(ids=range(50))
    assert count_of(library.client, library.name) == 50


def test_a_field_more_is_added_in_place(library):
    library.run()
    assert not library.run(mapping=MORE).is_building
    fields = library.server.request("GET", f"/{library.name}/_mapping")[1][f"{library.name}-000001"]["mappings"]
    assert fields["properties"]["more"] == {"type": "long"}
    assert library.run(mapping=MORE).name == f"{library.name}-000001"


@pytest.mark.parametrize(
    "how",
    [
        {"mapping": TEXT},
        {"key": ("v",)},
        {"rule": "v"},
        {"spec": {"kind": "Rebuild"}},
    ],
    ids=["another type", "another key", "another version rule", "asked for"],
)
def test_readers_see_no_gap_while_the_next_index_is_built(library, how):
    how = {**how, "spec": library.spec(**how.get("spec", {}))}
    library.run()
    with library.reader(len(IDS)):
        index = library.run(**how)
        time.sleep(0.1)
    assert index.name == f"{library.name}-000002"
    library.assert_as_if_nothing_had_happened("-000002", "-000001")


def test_with_a_version_column_a_field_more_is_a_new_index(library):
    library.run(rule="v")
    assert library.run(rule="v", mapping=MORE).name == f"{library.name}-000002"


def test_a_rebuild_is_done_once_however_often_it_is_run(library):
    library.run()
    spec = library.spec(kind="Rebuild")
    library.run(spec)
    library.run(spec)
    library.assert_as_if_nothing_had_happened("-000002", "-000001")


def test_only_the_last_index_is_kept(library):
    library.make("-somebody")
    for _ in range(4):
        library.run(library.spec(kind="Rebuild"))
    assert library.generations() == ["-000003", "-000004", "-somebody"]
    assert library.shown() == {"-000004"}


def test_the_next_index_takes_over_settings_aliases_and_filters(library):
    library.run()
    search = f"{library.name}-search"
    library.alias({"add": {"index": f"{library.name}-000001", "alias": search, "filter": {"term": {"id": 1}}}})
    library.server.request(
        "PUT", f"/{library.name}/_settings", {"index": {"refresh_interval": "7s", "max_ngram_diff": 3}}
    )
    library.run(library.spec(kind="Rebuild"))
    settings = library.settings("-000002")
    assert (settings["index.refresh_interval"], settings["index.max_ngram_diff"]) == ("7s", "3")
    assert library.server.request("GET", f"/{search}/_count")[1]["count"] == 1


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["first", "concrete", "rebuild"])
def test_a_death_at_any_point_is_gone_on_from(library, kind):
    if kind == "rebuild":
        library.run()
        library.run(library.spec(kind="Rebuild"))
    for calls in itertools.count(1):
        if kind != "rebuild":
            library.delete_all()
        if kind == "concrete":
            library.make(mappings=LONG)
            library.run()
        kept = library.shown() if kind == "rebuild" else set()
        spec = library.spec(kind="Load" if kind == "first" else "Rebuild")
        library.dies_after(calls)
        try:
            library.run(spec)
        except Died:
            library.lives()
            library.run(spec)
        else:
            break
        # What was made and not noted in a checkpoint was made once more, by the next number.
        (shown,) = library.shown()
        library.assert_as_if_nothing_had_happened(shown, *kept)
        assert shown not in kept
    assert calls > 8


def test_a_half_built_index_is_gone_on_with_by_the_run_that_has_its_position(library):
    library.run()
    spec = library.spec(kind="Rebuild")
    _, first = library.open(spec)
    library.write(first, range(10))
    library.lives()
    indices, again = library.open(spec)
    assert (again.uuid, again.is_new) == (first.uuid, False)
    library.write(again, range(10, 20))
    indices.finish(least=20, most=20)
    library.assert_as_if_nothing_had_happened("-000002", "-000001")


def test_a_half_built_index_that_nobody_goes_on_with_is_deleted(library):
    library.run()
    library.open(library.spec(kind="Rebuild"))
    assert library.generations() == ["-000001", "-000002"]
    assert library.run().name == f"{library.name}-000001"
    assert library.generations() == ["-000001"]


def test_a_half_built_index_is_made_anew_when_its_run_starts_over(library):
    spec = library.spec()
    _, first = library.open(spec)
    library.write(first, range(100, 110))
    indices, again = library.open(spec)
    renewed = indices.renew()
    assert (renewed.is_new, renewed.uuid == again.uuid) == (True, False)
    library.write(renewed, IDS)
    indices.finish(least=len(IDS), most=len(IDS))
    library.assert_as_if_nothing_had_happened("-000002")


def test_too_few_documents_are_never_shown(library):
    library.run()
    spec = library.spec(kind="Rebuild")
    indices, index = library.open(spec)
    library.write(index, range(19))
    with pytest.raises(PermanentError, match="held 19 documents where 20 were written"):
        indices.finish(least=20, most=20)
    library.assert_as_if_nothing_had_happened("-000001")
    library.run(spec)
    assert library.shown() == {"-000003"} or library.shown() == {"-000002"}


def test_an_empty_index_takes_the_place_of_a_full_one_only_when_it_may(library):
    library.run()
    spec = library.spec(kind="Rebuild")
    with pytest.raises(PermanentError, match="The query gave no row") as refused:
        library.run(spec, ids=())
    assert refused.value.field == "allow_empty"
    assert count_of(library.client, library.name) == len(IDS)
    library.run(dataclasses.replace(spec, allow_empty=True), ids=())
    assert count_of(library.client, library.name) == 0


def test_an_index_that_was_deleted_during_a_run_is_not_made_by_a_bulk_and_ends_the_attempt(library):
    indices, index = library.open(library.spec())
    library.server.request("DELETE", f"/{index.name}")
    with pytest.raises(AssertionError, match="is not an alias"):
        library.write(index, IDS)
    assert library.generations() == []
    with pytest.raises((PermanentError, TransientError)):
        indices.finish()


def test_an_index_that_was_made_again_during_a_run_ends_the_attempt(library):
    library.make(mappings=LONG)
    indices, index = library.open(library.spec())
    library.server.request("DELETE", f"/{index.name}")
    library.make(mappings=LONG)
    with pytest.raises(TransientError, match="was deleted or replaced during the run"):
        indices.finish()


def test_a_process_that_lost_its_fence_shows_and_deletes_nothing(library):
    library.run()
    indices, index = library.open(library.spec(kind="Rebuild"))
    library.write(index, IDS)

    def fenced() -> None:
        raise OutrunError("A later run of this pipeline has taken over")

    indices._check = fenced
    with pytest.raises(OutrunError):
        indices.finish()
    with pytest.raises(OutrunError):
        indices.renew()
    assert library.shown() == {"-000001"}
    assert library.generations() == ["-000001", "-000002"]


def test_a_replay_goes_into_what_readers_see_or_nowhere(library):
    with pytest.raises(PermanentError, match="There is no index yet that takes these rows"):
        library.open(library.spec(kind="Replay"))
    library.run()
    _, half = library.open(library.spec(kind="Rebuild"))
    _, index = library.open(library.spec(kind="Replay"), MORE)
    assert (index.name, index.is_building) == (f"{library.name}-000001", False)
    with pytest.raises(PermanentError, match="run the pipeline, which reads all rows"):
        library.open(library.spec(kind="Replay"), TEXT)
    assert library.generations() == ["-000001", half.name.removeprefix(library.name)]


class TestOfSomebodyElse:
    """Indices that Headrace did not make."""

    def test_it_is_written_as_it_is(self, library):
        settings = {"number_of_replicas": 0, "refresh_interval": "9s"}
        library.make(settings=settings, mappings=TEXT)
        assert library.run().name == library.name
        mapping = library.server.request("GET", f"/{library.name}/_mapping")[1][library.name]["mappings"]
        assert mapping["properties"] == TEXT["properties"]
        settings = library.settings("")
        assert (settings["index.number_of_replicas"], settings["index.refresh_interval"]) == ("0", "9s")

    def test_it_gets_the_fields_that_it_lacks(self, library):
        library.make(mappings={"_meta": {"team": "search"}, "properties": {"v": {"type": "text"}}})
        library.run(mapping=MORE)
        mapping = library.server.request("GET", f"/{library.name}/_mapping")[1][library.name]["mappings"]
        assert mapping["properties"] == {**MORE["properties"], "v": {"type": "text"}}
        assert mapping["_meta"]["team"] == "search"

    def test_its_strict_mapping_is_not_changed(self, library):
        library.make(mappings={"dynamic": "strict", "properties": LONG["properties"]})
        with pytest.raises(PermanentError, match='no field for "more", and its mapping is strict'):
            library.run(mapping=MORE)

    @pytest.mark.parametrize("how", [{"key": ("v",)}, {"rule": "v"}])
    def test_another_key_is_refused(self, library, how):
        library.make(mappings=LONG)
        library.run()
        with pytest.raises(PermanentError, match="start a rebuild, which replaces it"):
            library.run(**how)

    def test_a_rebuild_replaces_it_in_one_call(self, library):
        library.make(mappings=LONG)
        library.run()
        # The old index goes: a search that is in it at that moment can't end well.
        with library.reader(len(IDS), cut_off=1):
            library.run(library.spec(kind="Rebuild"))
            time.sleep(0.1)
        library.assert_as_if_nothing_had_happened("-000001")

    def test_a_rebuild_deletes_nothing_that_the_pipeline_never_wrote(self, library):
        library.make(mappings=LONG)
        with pytest.raises(PermanentError, match="never written by this pipeline"):
            library.run(library.spec(kind="Rebuild"))
        assert library.generations() == [""]

    def test_what_an_alias_of_somebody_showed_is_kept_by_a_rebuild(self, library):
        library.make("-theirs", mappings=LONG)
        library.alias({"add": {"index": f"{library.name}-theirs", "alias": library.name}})
        assert library.run().name == f"{library.name}-theirs"
        for _ in range(3):
            library.run(library.spec(kind="Rebuild"))
        library.assert_as_if_nothing_had_happened("-000003", "-000002", "-theirs")

    def test_an_index_of_another_pipeline_is_refused_unless_a_rebuild_takes_the_name_over(self, library):
        library.run()
        other = {"pipeline_name": "actors"}
        with pytest.raises(PermanentError, match="is written by the pipeline default/films"):
            library.run(library.spec(**other))
        library.run(library.spec(**other, kind="Rebuild"))
        library.assert_as_if_nothing_had_happened("-000002", "-000001")
        with pytest.raises(PermanentError, match="is written by the pipeline default/actors"):
            library.run()
