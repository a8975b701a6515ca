"""Which sums make up a stretch: exactly it, with as few as can be."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pangea.core.cover import Piece, cover, lists, uniform

TEN, HOUR, DAY = 600, 3600, 86400
NOW = 1_790_000_000
KEPT = {TEN: NOW - 90 * DAY, HOUR: NOW - 730 * DAY, DAY: NOW - 3000 * DAY}
OLDEST = {step: first - first % step for step, first in KEPT.items()}


@given(
    st.integers(0, 4000 * DAY), st.integers(1, 800 * DAY), st.booleans(), st.booleans()
)
def test_pieces_follow_each_other_and_reach_over_all_that_is_kept(
    back, long, is_open, quick
):
    oldest = OLDEST | ({60: OLDEST[TEN]} if quick else {})
    since = NOW - back
    until = min(since + long, NOW)
    pieces = cover(since, until, oldest, is_open=is_open)
    if until <= OLDEST[DAY]:
        assert pieces == []
        return
    if not pieces:
        assert since >= until
        return
    begin = max(since, OLDEST[DAY])
    first = pieces[0]
    assert begin - first.step < first.first <= begin
    assert pieces[-1].end >= until
    assert pieces[-1].end - until < (DAY if is_open else pieces[-1].step)
    for one, following in pairwise(pieces):
        assert one.end == following.first
        assert one.step != following.step
    for piece in pieces:
        assert piece.first % piece.step == 0
        assert piece.first >= oldest[piece.step]
        assert len(piece.starts) * piece.step == piece.end - piece.first


def test_a_long_stretch_is_made_of_days_with_narrow_ends():
    pieces = cover(NOW - 60 * DAY - 1, NOW - 1, OLDEST)
    assert [piece.step for piece in pieces] == [TEN, HOUR, DAY, HOUR, TEN]
    assert sum(len(piece.starts) for piece in pieces) < 120


def test_sums_may_reach_beyond_what_is_the_newest():
    assert cover(NOW - NOW % DAY, NOW, OLDEST, is_open=True) == [
        Piece(DAY, NOW - NOW % DAY, NOW - NOW % DAY + DAY)
    ]


def test_where_only_days_are_left_the_beginning_is_that_of_a_day():
    (piece,) = cover(NOW - 2000 * DAY, NOW - 1900 * DAY, OLDEST)
    assert piece.step == DAY
    assert len(piece.starts) == 101


def test_what_is_young_is_told_apart_by_its_narrow_sums():
    # All began at 11:00: that no sum of ten minutes is older does not mean that it
    # was forgotten, and a whole day would reach far beyond what is asked for.
    day = NOW - NOW % DAY
    begun = day + 11 * HOUR
    young = {TEN: begun, HOUR: begun, DAY: day}
    pieces = cover(begun - 60, begun + 1800, young)
    assert {piece.step for piece in pieces} == {TEN}
    assert pieces[-1].end == begun + 1800
    forgotten = {TEN: begun + 2 * HOUR, HOUR: begun, DAY: day}
    assert cover(begun - 60, begun + 1800, forgotten)[-1] == Piece(
        HOUR, begun - HOUR, begun + HOUR
    )


def test_nothing_is_made_of_nothing():
    assert cover(0, NOW, {TEN: None, HOUR: None, DAY: None}) == []


@given(st.integers(60, 3000 * DAY), st.integers(1, 500))
def test_points_are_of_one_width_and_not_many_more_than_wanted(long, points):
    since = NOW - long
    piece, width = uniform(since, NOW, max(1, -(-long // points)), OLDEST)
    assert width % piece.step == 0
    assert piece.first <= since < piece.first + width
    assert NOW <= piece.end < NOW + piece.step
    assert (piece.end - piece.first) // width <= points + 1
    # One point may begin as long before the stretch as it is wide.
    assert len(piece.starts) <= max(24 * (points + 1), 2 * 3002)


def test_lists_are_no_longer_than_asked():
    piece = Piece(10, 0, 95)
    assert [len(some) for some in lists(piece, 4)] == [4, 4, 2]
