"""Who is asked about a node that went silent, and what comes of it: a table."""

import pytest

from pangea.core.liveness import LOST_S, SUSPECT_S, Presence, Sight, age, vouch
from pangea.core.witnesses import ASK_AGAIN_S, doubtful, whose_word, witnesses

LINKED = Sight(Presence.LINKED, 100.0)
SUSPECT = Sight(Presence.SUSPECT, 90.0)
LOST = Sight(Presence.LOST, 50.0)


@pytest.mark.parametrize(
    ("sight", "asked", "ask"),
    [
        (LINKED, {}, False),
        (SUSPECT, {}, True),
        (SUSPECT, {1: 100.0 - ASK_AGAIN_S + 0.1}, False),
        (SUSPECT, {1: 100.0 - ASK_AGAIN_S}, True),
        (LOST, {}, False),
    ],
)
def test_only_who_is_suspect_is_asked_about_and_not_all_the_time(sight, asked, ask):
    assert (doubtful({1: sight}, asked, 100.0) == [1]) is ask


SIGHTS = {1: SUSPECT, 2: LINKED, 3: LINKED, 4: LINKED, 5: SUSPECT, 6: LOST}
REGIONS = {1: "x", 2: "a", 3: "a", 4: "b", 5: "b", 6: "c"}


@pytest.mark.parametrize(
    ("linked_to", "asked"),
    [
        ([], []),
        ([2], [2]),
        ([2, 3], [2, 3]),
        ([2, 3, 4], [2, 4]),  # two regions see more than two of one
        ([4, 3, 2], [4, 3]),
        ([5, 6, 2], [2]),  # who is silent itself cannot answer
        ([1, 2], [2]),  # nobody speaks for himself
        ([2, 2, 2], [2]),
        ([9, 2], [2]),  # a stranger is not asked
    ],
)
def test_two_who_can_answer_are_asked(linked_to, asked):
    assert witnesses(1, linked_to, SIGHTS, REGIONS) == asked


@pytest.mark.parametrize(
    ("answers", "word"),
    [
        ([], None),
        ([(2, None)], None),
        ([(2, False), (3, False)], None),
        ([(2, False), (3, True)], 3),
        ([(2, True), (3, True)], 2),
        ([(2, None), (3, True)], 3),
    ],
)
def test_one_who_hears_it_outweighs_all_who_do_not(answers, word):
    assert whose_word(answers) == word


@pytest.mark.parametrize(
    ("silent", "vouched", "presence"),
    [
        (0.0, None, Presence.LINKED),
        (SUSPECT_S, None, Presence.SUSPECT),
        (LOST_S, None, Presence.LOST),
        (LOST_S, 1.0, Presence.SUSPECT),  # unreachable from here, alive via a peer
        (10 * LOST_S, LOST_S - 1, Presence.SUSPECT),
        (10 * LOST_S, LOST_S, Presence.LOST),  # the peer's word is too old
    ],
)
def test_a_word_of_a_peer_keeps_a_silent_worker_from_being_lost(
    silent, vouched, presence
):
    now = 1000.0
    sight = Sight(Presence.LINKED, now - silent)
    if vouched is not None:
        sight = vouch(sight, now - vouched)
    assert age(sight, now).presence is presence
