"""A worker dials again quickly after a good link, and patiently after bad ones."""

from hypothesis import given
from hypothesis import strategies as st

from pangea.worker.redial import AWAY_S, GOOD_S, Redial


def at_most():
    return Redial(lambda: 1.0)


@given(st.lists(st.floats(0, GOOD_S, exclude_max=True), min_size=8, max_size=30))
def test_links_that_do_not_last_are_dialled_ever_more_slowly(lives):
    redial = at_most()
    waits = []
    for lived_s in lives:
        redial.ended(lived_s, politely=False)
        waits.append(redial.delay())

    assert waits == sorted(waits)
    assert waits[:7] == [1, 2, 4, 8, 16, 32, 60]


def test_a_link_that_lasted_makes_the_next_wait_short():
    redial = at_most()
    for _ in range(9):
        redial.delay()
    redial.ended(GOOD_S, politely=False)

    assert redial.delay() == 1


def test_one_that_does_not_answer_is_tried_every_few_seconds_for_ever():
    for jitter in (0.0, 1.0):
        redial = Redial(lambda jitter=jitter: jitter)
        for _ in range(9):
            redial.delay()
        assert {redial.pause() for _ in range(50)} == {AWAY_S[int(jitter)]}
    assert 0 < AWAY_S[0] < AWAY_S[1] <= 6


def test_a_goodbye_is_forgiven_once_until_a_link_lasts():
    redial = at_most()
    waits = []
    for lived_s in (0.1, 0.1, 0.1, GOOD_S, 0.1, 0.1):
        redial.ended(lived_s, politely=True)
        waits.append(redial.delay())

    assert waits == [1, 2, 4, 1, 1, 2]
