"""Text keys of every collation: an ICU's, one that calls different texts equal, and none, on either side."""

import pytest

pytestmark = pytest.mark.debian_postgres

COLLATIONS = (
    "CREATE COLLATION german (provider = icu, locale = 'de-u-kn-true')",
    "CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
    "CREATE COLLATION libc (provider = libc, locale = 'C.UTF-8')",
)
# Numbers within, upper and lower case, accents, both forms of an ä: each collation has an order of its own for them.
WORDS = """
    SELECT (ARRAY['a', 'B', 'ä', E'a\\u0308', 'Z', '_', 'é', ' ', '-'])[n % 9 + 1] || n * 7 % 120 || chr(97 + n % 26)
    FROM generate_series(1, 400) AS n
"""
PAIRS = [
    ('"C"', "german"),
    ('"C"', "any_case"),
    ("german", '"C"'),
    ("any_case", '"C"'),
    ("german", "german"),
    ("any_case", "any_case"),
    ("german", "any_case"),
    ("any_case", "german"),
    ("libc", "libc"),
]
QUERY = "SELECT k, v FROM rows"


@pytest.fixture
def collated(debian_rig):
    debian_rig.on_source(*COLLATIONS)
    debian_rig.on_target(*COLLATIONS, "CREATE SCHEMA analytics")
    return debian_rig


def make_source(rig, collation):
    rig.on_source(
        f"CREATE TABLE rows (k text COLLATE {collation} PRIMARY KEY, v text)",
        f"INSERT INTO rows SELECT w, w FROM ({WORDS}) AS words(w) ON CONFLICT DO NOTHING",
    )


def make_rows(rig, declaration, *rows):
    rig.on_source(f"CREATE TABLE rows (k {declaration} PRIMARY KEY, v text)")
    rig.on_source(f"INSERT INTO rows VALUES {', '.join(map(str, rows))}")


def loads_resumes_and_prunes(rig):
    rig.on_target(f"INSERT INTO analytics.copy SELECT w || 'x' FROM ({WORDS}) AS words(w) ON CONFLICT DO NOTHING")
    rig.load(QUERY, batch_size=37, snapshot_seconds=0.0)
    rig.assert_same(QUERY)
    rig.on_source(
        "DELETE FROM rows WHERE k LIKE '%1%' COLLATE \"C\"", "UPDATE rows SET v = k WHERE k LIKE '%2%' COLLATE \"C\""
    )
    rig.load(QUERY, batch_size=37)
    rig.assert_same(QUERY)
    assert rig.load(QUERY, batch_size=37).rows_written == 0


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_text_key_of_any_collation_resumes_and_prunes(collated, source, target):
    make_source(collated, source)
    collated.on_target(f"CREATE TABLE analytics.copy (k text COLLATE {target} PRIMARY KEY, v text)")
    loads_resumes_and_prunes(collated)


@pytest.mark.parametrize("target", ["german", "any_case"])
def test_an_index_in_byte_order_beside_the_key(collated, target):
    make_source(collated, "german")
    collated.on_target(
        f"CREATE TABLE analytics.copy (k text COLLATE {target} PRIMARY KEY, v text)",
        'CREATE INDEX ON analytics.copy (k COLLATE "C")',
    )
    loads_resumes_and_prunes(collated)


@pytest.mark.parametrize("source", ["german", "any_case"])
def test_the_collation_of_a_source_is_no_part_of_a_target_that_is_made(collated, source):
    make_source(collated, source)
    collated.load(QUERY, batch_size=37, snapshot_seconds=0.0)
    collated.assert_same(QUERY)
    assert collated.load(QUERY).rows_written == 0


def test_databases_that_are_ordered_by_icu(debian_server, rig_between):
    by_icu = "LOCALE_PROVIDER icu ICU_LOCALE 'de-u-kn-true' LOCALE 'C'"
    rig = rig_between(debian_server, debian_server, by_icu, by_icu)
    make_source(rig, '"default"')
    rig.on_target("CREATE SCHEMA analytics", "CREATE TABLE analytics.copy (k text PRIMARY KEY, v text)")
    loads_resumes_and_prunes(rig)


@pytest.mark.parametrize("index", [False, True], ids=["without", "with an index in byte order"])
@pytest.mark.parametrize("target", ["any_case", '"C"'])
def test_a_key_that_changes_its_case_is_one_row(collated, target, index):
    collated.on_source(
        "CREATE TABLE rows (k text PRIMARY KEY, v text)", "INSERT INTO rows VALUES ('Ab', 'v'), ('ä', 'v')"
    )
    collated.on_target(f"CREATE TABLE analytics.copy (k text COLLATE {target} PRIMARY KEY, v text)")
    if index:
        collated.on_target('CREATE INDEX ON analytics.copy (k COLLATE "C")')
    collated.load(QUERY)
    for word in ("aB", "AB", "ab"):
        collated.on_source(f"UPDATE rows SET k = '{word}' WHERE k ILIKE 'ab'")
        collated.load(QUERY, batch_size=1)
        collated.assert_same(QUERY)


@pytest.mark.parametrize("batch_size", [1, 100])
@pytest.mark.parametrize("index", [False, True], ids=["without", "with an index in byte order"])
def test_two_keys_that_the_target_calls_equal_fail_the_run_and_are_named(collated, batch_size, index):
    """`Ab` and `aB` are two rows of the source, and can't be two of the target."""
    make_rows(collated, "text", ("Ab", "v"), ("Zz", "v"), ("aB", "w"), ("zy", "v"))
    collated.on_target("CREATE TABLE analytics.copy (k text COLLATE any_case PRIMARY KEY, v text)")
    if index:
        collated.on_target('CREATE INDEX ON analytics.copy (k COLLATE "C")')
    ended = collated.run(collated.spec(QUERY, batch_size=batch_size))
    assert (ended.code, ended.outcome) == (64, "FAILED"), ended
    assert "two rows with the same key (k = " in ended.message


def test_citext_finds_equal_keys_of_any_case(collated):
    for run in (collated.on_source, collated.on_target):
        run("CREATE EXTENSION citext SCHEMA public")
    collated.on_source(
        "CREATE TABLE rows (k citext PRIMARY KEY, v text)", "INSERT INTO rows VALUES ('Ab', 'v'), ('b', 'v')"
    )
    collated.load(QUERY)
    collated.on_source("UPDATE rows SET k = 'aB' WHERE k = 'ab'")
    assert collated.load(QUERY).rows_written == 1
    collated.assert_same(QUERY)
