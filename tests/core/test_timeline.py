"""The pieces of a past touch each other and are what uptime counts."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from pangea.core.model import Verdict
from pangea.core.timeline import coarser, timeline
from pangea.core.uptime import KINDS, Aside, Span, kinds, uptime
from pangea.core.verdict import Transition

WHOLE = Span(0, 1000)
SPANS = st.lists(
    st.tuples(st.integers(-50, 1100), st.integers(1, 300)).map(
        lambda pair: Span(pair[0], pair[0] + pair[1])
    ),
    max_size=4,
)


@st.composite
def pasts(draw):
    """Return transitions and what is aside."""
    moments = sorted(draw(st.lists(st.integers(-100, 1000), max_size=30, unique=True)))
    before, found = draw(st.sampled_from(Verdict)), []
    for at in moments:
        after = draw(st.sampled_from([v for v in Verdict if v is not before]))
        found.append(Transition(1, at, before, after, ""))
        before = after
    aside = Aside(*(draw(SPANS) for _ in range(4)))
    return found, aside


@given(pasts())
def test_the_pieces_leave_no_hole_and_sum_up_to_the_uptime(past):
    turns, aside = past
    found = timeline(kinds(turns, WHOLE, aside))
    assert found[0].span.begin_us == 0
    assert found[-1].span.end_us == 1000
    for one, after in itertools.pairwise(found):
        assert one.span.end_us == after.span.begin_us
        assert one.kind != after.kind
    told = uptime(turns, WHOLE, aside)
    for kind in KINDS:
        spent = sum(o.span.end_us - o.span.begin_us for o in found if o.kind == kind)
        assert round(getattr(told, kind) * 1e6) == spent


@given(pasts(), st.integers(1, 10))
def test_a_coarser_past_is_as_long_and_has_no_more_than_wanted(past, most):
    turns, aside = past
    found = timeline(kinds(turns, WHOLE, aside))
    short = coarser(found, most)
    assert len(short) <= most
    assert (short[0].span.begin_us, short[-1].span.end_us) == (0, 1000)
    for one, after in itertools.pairwise(short):
        assert one.span.end_us == after.span.begin_us
        assert one.kind != after.kind
    if len(found) <= most:
        assert short == found
