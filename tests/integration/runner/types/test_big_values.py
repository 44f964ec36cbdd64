"""Values of 200 MB pass, and take the runner a few times as much memory."""

import pytest
from tests.integration.runner.memory import peak_of

from headrace_runner.run import Exit

MEGABYTE = 2**20
SIZE = 200 * MEGABYTE
MOST = 7
"""Copies of such a value that the runner may hold: those of libpq, the row, the batch, and what it is compared with."""
VALUES = {
    "bytea": ("v bytea", f"decode(repeat('00ff5c09', {SIZE // 4}), 'hex')", "set_byte(v, 7, 1)"),
    "text": ("v text", f"repeat(E'\\t\\\\äx', {SIZE // 5})", None),
    # An enum's numbers are its database's own, so that all of the row is text.
    "less text beside an enum": ("v text, e mood", f"repeat('äxy', {SIZE // 16})", "v || '.'"),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", VALUES)
def test_a_value_of_200_mb_is_loaded_and_updated(rig, case):
    columns, value, changed = VALUES[case]
    for run in (rig.on_source, rig.on_target):
        run("CREATE TYPE mood AS ENUM ('ok')")
    rig.on_source(
        f"CREATE TABLE rows (id int PRIMARY KEY, {columns})", f"INSERT INTO rows VALUES (1, {value}), (2, 'x')"
    )
    loads_within(rig, MOST * SIZE, rows_written=2)
    if changed:
        rig.on_source(f"UPDATE rows SET v = {changed} WHERE id = 1")
        loads_within(rig, MOST * SIZE, rows_written=1)


def loads_within(rig, size, *, rows_written):
    spec = rig.spec("SELECT * FROM rows")
    process = rig.spawn(spec)
    peak = peak_of(process)
    ended = rig.wait(process, spec)
    assert (ended.code, ended.rows_written) == (Exit.DONE, rows_written), ended
    assert peak < size, f"{peak // MEGABYTE} MB"
    sums = "SELECT id, md5(v) FROM {} ORDER BY id"
    assert rig.on_source(sums.format("rows")) == rig.on_target(sums.format("analytics.copy"))
