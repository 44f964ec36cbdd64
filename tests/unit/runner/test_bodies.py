"""How bodies are cut out of batches."""

from array import array

import pytest

from headrace_runner.rows import Rows
from headrace_runner.targets.elasticsearch.bodies import Backlog, Body, Limit, rows_of

ANY = Limit(documents=1000, size=1000)


def rows(*texts):
    """Rows as the source sends them."""
    return rows_of((b"a" + text.encode(), b"d" + text.encode()) for text in texts)


def backlog_of(*batches):
    backlog = Backlog()
    for number, batch in enumerate(batches):
        backlog.add(number, batch)
    return backlog


def taken(backlog, limit):
    """All bodies, as the documents in them and whose they are."""
    bodies = []
    while backlog.documents:
        bodies.append(backlog.take(limit))
    return bodies


def texts(body):
    return [document[1:].decode() for _, document in body.lines(range(len(body)))]


@pytest.mark.parametrize(
    ("batches", "limit", "bodies"),
    [
        ([rows("1", "2"), rows("3")], ANY, ["1 2 3"]),
        ([rows("1", "2", "3", "4", "5")], Limit(2, 1000), ["1 2", "3 4", "5"]),
        ([rows("1", "2", "3"), rows("4"), rows("5", "6")], Limit(4, 1000), ["1 2 3 4", "5 6"]),
        ([rows("1", "2", "3"), rows("4"), rows("5", "6")], Limit(5, 1000), ["1 2 3 4 5", "6"]),
        ([rows("1", "2", "3")], Limit(1000, 12), ["1 2", "3"]),
        ([rows("1", "2", "3")], Limit(1000, 17), ["1 2", "3"]),
        ([rows("1", "2", "3")], Limit(1000, 18), ["1 2 3"]),
        ([rows("1"), rows("2"), rows("3")], Limit(1000, 11), ["1", "2", "3"]),
        ([rows("1"), rows("x" * 50), rows("3")], Limit(1000, 20), ["1", "x" * 50, "3"]),
        ([rows("x" * 50, "2")], Limit(1000, 1), ["x" * 50, "2"]),
        ([rows(), rows("1"), rows()], ANY, ["1"]),
    ],
    ids=str,
)
def test_bodies_are_cut_between_rows_and_across_batches(batches, limit, bodies):
    backlog = backlog_of(*batches)
    assert [" ".join(texts(body)) for body in taken(backlog, limit)] == bodies
    assert (backlog.documents, backlog.size) == (0, 0)


@pytest.mark.parametrize(
    "limit", [Limit(1, 1000), Limit(2, 1000), Limit(3, 1000), Limit(7, 1000), Limit(1000, 13), ANY]
)
def test_every_document_keeps_its_batch_and_its_bytes(limit):
    batches = [rows("1", "22", "333"), rows("4444"), rows(), rows("5", "66", "777", "8888", "99999")]
    bodies = taken(backlog_of(*batches), limit)
    assert b"".join(body.data for body in bodies) == b"".join(b.data for b in batches).replace(b"\x02", b"\n")
    assert [number for body in bodies for number in body.batches()] == [0, 0, 0, 1, 3, 3, 3, 3, 3]
    assert [text for body in bodies for text in texts(body)] == [
        "1",
        "22",
        "333",
        "4444",
        "5",
        "66",
        "777",
        "8888",
        "99999",
    ]


def test_a_delete_is_an_action_and_an_empty_line():
    body = backlog_of(Rows(b'{"delete":{}}\x02\n', array("I", [15]))).take(ANY)
    assert body.data == b'{"delete":{}}\n\n'
    assert body.lines([0]) == [(b'{"delete":{}}', b"")]


@pytest.fixture
def body() -> Body:
    """Five documents of three batches."""
    return backlog_of(rows("1", "22"), rows("333"), rows("4444", "5")).take(ANY)


@pytest.mark.parametrize(
    ("positions", "data", "owners"),
    [
        ([0], b"a1\nd1\n", ((0, 1),)),
        ([1, 2], b"a22\nd22\na333\nd333\n", ((0, 1), (1, 1))),
        ([0, 1, 4], b"a1\nd1\na22\nd22\na5\nd5\n", ((0, 2), (2, 1))),
    ],
)
def test_some_documents_of_a_body_are_a_body(body, positions, data, owners):
    chosen = body.only(positions)
    assert (chosen.data, chosen.owners, chosen.ends[-1]) == (data, owners, len(data))


@pytest.mark.parametrize(
    ("limit", "parts"),
    [(ANY, [5]), (Limit(2, 1000), [2, 2, 1]), (Limit(1000, 1), [1, 1, 1, 1, 1]), (Limit(1000, 14), [2, 1, 1, 1])],
)
def test_a_body_is_parted_to_fit_a_limit(body, limit, parts):
    made = body.parts(limit)
    assert [len(part) for part in made] == parts
    assert b"".join(part.data for part in made) == body.data


def test_halves_hold_all(body):
    first, second = body.halves()
    assert (len(first), len(second)) == (2, 3)
    assert first.data + second.data == body.data
    assert first.batches() + second.batches() == body.batches()
