"""Names of schemas, tables and columns pass letter by letter."""

import pytest

# Also those that stand for something in the statements around them.
NAMES = ['Upper "quoted".dot; -- \'É日\\ 100% %s %(x)s {}', "select", "s", "t", "x" * 63]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_taken_letter_by_letter(rig, name):
    """That of a schema, a table and columns, in the source, in a target that is made, and in one that is there."""
    quoted = '"' + name.replace('"', '""') + '"'
    create = f'({quoted} text, "{name[:60].replace(chr(34), "")} 2" int, v int, PRIMARY KEY ({quoted}))'
    rig.on_source(
        f"CREATE SCHEMA {quoted}",
        f"CREATE TABLE {quoted}.{quoted} {create}",
        f"INSERT INTO {quoted}.{quoted} SELECT 'k' || n, n, n FROM generate_series(1, 120) AS n",
    )
    query = f"SELECT * FROM {quoted}.{quoted}"
    # An address has neither points nor double quotes within its names.
    bare = name.replace('"', "").replace(".", "")
    target, fields = f'"{bare}"."{bare}"', {"target_schema": bare, "target_table": bare}
    for _ in range(2):
        rig.load(query, **fields)
        rig.assert_same(query, target)
        rig.on_source(f"UPDATE {quoted}.{quoted} SET v = -v WHERE v % 5 = 0")
        rig.on_source(f"DELETE FROM {quoted}.{quoted} WHERE v % 5 = 1")
    assert rig.load(query, **fields).rows_written == 24
    rig.on_target(f"DROP TABLE {target}", f"CREATE TABLE {target} {create}")
    rig.load(query, **fields)
    rig.assert_same(query, target)
