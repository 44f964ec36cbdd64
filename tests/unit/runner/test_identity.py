"""What a checkpoint keeps of where rows came from, and what of a connection string that is."""

import dataclasses

import pytest

from headrace_runner.identity import Identity, other_rows
from headrace_runner.sources.postgres.session import place_of

PLACE = "0123456789abcdef"
IDENTITY = Identity(
    target_id="1",
    key_columns=("id",),
    incremental_key="at",
    fingerprint="f",
    key_types=("bigint",),
    cursor_type="timestamp with time zone",
    columns=("1 id", "2 at"),
)
MARKS = {
    "nothing": ("", "", "", ""),
    "of the default source, by an older version": ("f", "", "", "f"),
    "of another source, by an older version": ("f", "second", "", "f@second"),
    "of another source, without a fingerprint": ("", "second", "", "@second"),
    "of the default source": ("f", "", PLACE, f"f@@{PLACE}"),
    "of another source": ("f", "second", PLACE, f"f@second@{PLACE}"),
    "of a source with the name of a place": ("f", PLACE, "", f"f@{PLACE}"),
    "a fingerprint with an @": ("a @ b", "", "", "a @ b"),
    "a fingerprint of two lines with an @": ("a\n@ b", "second", PLACE, f"a\n@ b@second@{PLACE}"),
}


@pytest.mark.parametrize("case", MARKS)
def test_a_checkpoint_keeps_source_and_place_beside_the_fingerprint(case):
    fingerprint, source, place, mark = MARKS[case]
    identity = dataclasses.replace(IDENTITY, fingerprint=fingerprint, source=source, place=place)
    assert identity.mark == mark
    assert Identity.of_row(identity.as_row(), "1") == identity


def test_a_checkpoint_of_an_older_version_has_less():
    row = {**IDENTITY.as_row(), "key_types": None, "cursor_type": None, "target_columns": None}
    older = dataclasses.replace(IDENTITY, key_types=(), cursor_type=None, columns=None)
    assert Identity.of_row(row, "1") == older


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ({}, {}, None),
        ({}, {"fingerprint": "g", "target_id": "2", "columns": None, "incremental_key": None}, None),
        ({}, {"place": PLACE}, None),
        ({"place": PLACE}, {"place": PLACE[::-1]}, "the source leads to another host, port or database"),
        ({}, {"source": "second"}, 'the source was the default one and is now "second"'),
        ({}, {"key_columns": ("id", "day")}, "the key was (id) and is now (id, day)"),
        ({"key_columns": ()}, {}, "the key was none and is now (id)"),
    ],
)
def test_a_key_means_another_row_in_another_source_or_as_other_columns(old, new, why):
    assert other_rows(dataclasses.replace(IDENTITY, **old), dataclasses.replace(IDENTITY, **new)) == why


ONE = "host=db.example port=5432 dbname=shop user=reader password=old"
ALIKE = {
    "another password": "host=db.example port=5432 dbname=shop user=reader password=new",
    "another user, without a port": "host=db.example dbname=shop user=other",
    "a URL": "postgresql://other:secret@db.example/shop",
    "the user's own database": "postgresql://shop@db.example",
    "options and a CA": f"{ONE} sslmode=verify-full sslrootcert=/ca.pem connect_timeout=3 application_name=x",
}
OTHERS = {
    "another host": "host=other.example dbname=shop",
    "another address": "host=db.example hostaddr=10.0.0.2 dbname=shop",
    "another port": "host=db.example port=5433 dbname=shop",
    "another database": "host=db.example dbname=Shop",
    "one host more": "host=db.example,other.example dbname=shop",
    "a socket": "dbname=shop",
}


@pytest.mark.parametrize("case", ALIKE)
def test_whoever_logs_in_and_how_the_place_is_the_same(case):
    assert place_of(ALIKE[case]) == place_of(ONE)


@pytest.mark.parametrize("case", OTHERS)
def test_another_host_port_or_database_is_another_place(case):
    assert place_of(OTHERS[case]) != place_of(ONE)


def test_a_place_is_read_from_the_file_and_does_not_show_what_it_is(tmp_path):
    file = tmp_path / "source"
    file.write_text(f"{ONE}\n")
    assert place_of(file) == place_of(ONE)
    assert len(place_of(file)) == len(PLACE)
    assert set(place_of(file)) <= set("0123456789abcdef")
