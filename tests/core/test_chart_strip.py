"""The strip shows what was worst, however short it was."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from pangea.core.chart_strip import (
    KINDS,
    LEAST,
    WIDE,
    Piece,
    joined,
    place,
    rank,
    strip,
)


@st.composite
def pasts(draw):
    """Return pieces that touch, from 0 to their sum."""
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=40))
    at, found = 0.0, []
    for kind in kinds:
        length = draw(st.floats(0.01, 1e5))
        found.append(Piece(kind, at, at + length))
        at += length
    return found


@given(pasts())
def test_every_piece_can_be_seen_within_the_strip(pieces):
    end = pieces[-1].end_s
    blocks = strip(pieces, 0.0, end)
    assert len(blocks) == len(joined(pieces))
    for block in blocks:
        assert block.width >= LEAST
        assert block.left >= -1e-6
        assert block.left + block.width <= WIDE + 1e-6


@given(pasts())
def test_the_worst_is_drawn_last_and_so_on_top(pieces):
    ranks = [rank(block.kind) for block in strip(pieces, 0.0, pieces[-1].end_s)]
    assert ranks == sorted(ranks, reverse=True)


@given(pasts())
def test_neighbours_that_are_joined_differ_and_leave_no_hole(pieces):
    found = joined(pieces)
    assert all(a.kind != b.kind for a, b in itertools.pairwise(found))
    assert all(a.end_s == b.begin_s for a, b in itertools.pairwise(found))
    assert (found[0].begin_s, found[-1].end_s) == (0.0, pieces[-1].end_s)


def test_what_lies_outside_is_not_drawn():
    pieces = [Piece("down", 0, 10), Piece("up", 10, 20), Piece("down", 20, 30)]
    assert [b.kind for b in strip(pieces, 12, 18)] == ["up"]


def test_a_moment_has_its_place_or_none():
    assert place(5.0, 0.0, 10.0) == 0.5
    assert place(11.0, 0.0, 10.0) is None
    assert place(0.0, 0.0, 0.0) is None
