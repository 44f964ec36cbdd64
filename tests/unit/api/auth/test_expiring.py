"""A table that forgets."""

from headrace_api.auth.expiring import Expiring


def test_an_entry_lasts_as_long_as_it_was_put_for():
    now = [0.0]
    table = Expiring(10, clock=lambda: now[0])
    table.put("a", 1, 5)
    table.put("b", 2, 0)
    assert (table.get("a"), table.get("b")) == (1, None)
    now[0] = 5
    assert table.get("a") is None
    assert len(table) == 0


def test_the_oldest_go_when_there_are_too_many():
    table = Expiring(3)
    for number in range(10):
        table.put(number, str(number), 60)
    assert [table.get(number) for number in (6, 7, 8, 9)] == [None, "7", "8", "9"]


def test_a_value_that_is_false_is_still_an_answer():
    table = Expiring(3)
    table.put("a", value=False, seconds=60)
    assert table.get("a") is False
