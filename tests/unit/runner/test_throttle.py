"""How much is sent at once, after what the server said."""

from headrace_runner.targets.elasticsearch.bodies import DOCUMENTS
from headrace_runner.targets.elasticsearch.throttle import FEWEST, Throttle


def test_a_refusal_halves_the_bodies_and_leaves_one_in_flight():
    throttle = Throttle(2)
    assert (throttle.limit.documents, throttle.in_flight) == (DOCUMENTS, 2)
    throttle.refused(DOCUMENTS)
    assert (throttle.limit.documents, throttle.in_flight) == (DOCUMENTS // 2, 1)
    throttle.refused(1000)
    assert throttle.limit.documents == 500


def test_bodies_never_become_so_small_that_requests_are_the_load():
    throttle = Throttle(2)
    for _ in range(20):
        throttle.refused(1)
    assert throttle.limit.documents == FEWEST


def test_bodies_grow_slowly_again_and_only_then_more_are_in_flight():
    throttle = Throttle(2)
    throttle.refused(DOCUMENTS)
    steps = 0
    while throttle.in_flight < 2:
        throttle.accepted()
        steps += 1
    assert (steps, throttle.limit.documents) == (10, DOCUMENTS)


def test_what_a_server_does_not_take_at_all_is_not_tried_again():
    throttle = Throttle(2)
    throttle.too_large(1_000_000)
    for _ in range(100):
        throttle.accepted()
    assert throttle.limit.size == 500_000
    throttle.too_large(3_000_000)
    assert throttle.limit.size == 500_000
