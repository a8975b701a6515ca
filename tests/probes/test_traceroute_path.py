import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.probes.traceroute_path import Path, Reply, merged


@pytest.mark.parametrize(
    ("before", "after", "both"),
    [
        pytest.param("a > b > c", "a > b > c", "a > b > c", id="the same"),
        pytest.param("a > b > c", "a > * > c", "a > b > c", id="a hop falls silent"),
        pytest.param("a > * > c", "a > b > c", "a > b > c", id="a hop speaks"),
        pytest.param("a > * > c", "* > b > c", "a > b > c", id="each knows another"),
        pytest.param("a > b > c", "a > d > c", None, id="another hop"),
        pytest.param("a > b > c", "a > c", None, id="a shorter way"),
        pytest.param("a|b > c", "b|d > c", "a|b|d > c", id="one way in common"),
        pytest.param("a|b > c", "d > c", None, id="no way in common"),
    ],
)
def test_paths_are_the_same_where_they_do_not_contradict(before, after, both):
    assert merged(before, after) == both


HOPS = st.lists(st.sampled_from(["*", "a", "b", "a|b", "c"]), min_size=1, max_size=6)


@given(HOPS)
def test_a_path_is_the_same_as_itself(hops):
    path = " > ".join(hops)
    assert merged(path, path) == path


@given(HOPS, HOPS)
def test_what_two_paths_have_in_common_contradicts_neither(one, other):
    both = merged(" > ".join(one), " > ".join(other))
    if both is None:
        return
    for path in (one, other):
        assert merged(both, " > ".join(path)) == both


KINDS = st.sampled_from(["hop", "target", "unreachable"])
REPLIES = st.none() | st.builds(
    Reply, KINDS, st.sampled_from(["", "a", "b"]), st.none() | st.floats(0, 9)
)


@given(st.lists(st.tuples(st.integers(1, 30), REPLIES), max_size=60))
def test_no_replies_in_no_order_break_a_path(noted):
    path = Path(30)
    for ttl, reply in noted:
        path.note(ttl, reply)
    at = [t for t, r in noted if r is not None and r.kind == "target"]
    assert path.reached == bool(at)
    if at:
        assert path.end == min(at)
    assert all(hop.ttl <= path.end for hop in path.hops)
    for hop in path.hops:
        assert 0 <= hop.readings()["loss_pct"] <= 100
    assert str(path).count(" > ") == max(0, len(path.hops) - 1)
