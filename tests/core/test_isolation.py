"""Who is alone in what it fails, and who is only the first to see it."""

from hypothesis import given
from hypothesis import strategies as st

from pangea.core.isolation import LEAST, Isolation, Said, alone_in, is_isolated


def test_a_failure_that_another_reached_since_is_alone():
    assert alone_in([Said(1, True, 10.0), Said(2, False, 11.0)]) == {1: True}
    both = alone_in([Said(1, True, 10.0), Said(2, False, 11.0), Said(3, False, 5.0)])
    assert both == {1: True, 2: False, 3: False}


def test_who_sees_an_outage_first_is_not_alone():
    assert alone_in([Said(1, True, 10.0), Said(2, False, 9.0)]) == {}
    assert alone_in([Said(1, True, 10.0), Said(2, True, 11.0)]) == {}


def test_nobody_is_held_against_itself():
    assert alone_in([Said(1, False, 10.0)]) == {}


def isolated(fails, of):
    """Return the isolation after worker 1 fails so many *of* what 2 reaches."""
    isolation = Isolation()
    for job in range(of):
        one = Said(1, job < fails, 10.0)
        isolation.put(job, [one, Said(2, False, 20.0)])
    isolation.look(1)
    return isolation


def test_it_takes_three_and_more_than_half():
    assert isolated(9, 10).isolated == {1: "isolated: fails 9 of 10 that others reach"}
    assert not isolated(2, 2).isolated
    assert not isolated(5, 10).isolated
    assert isolated(3, 3).isolated


def test_it_ends_below_a_quarter():
    isolation = isolated(10, 10)
    for job in range(10):
        isolation.put(job, [Said(1, job < 3, 30.0), Said(2, False, 40.0)])
    assert not isolation.look(1)
    isolation.put(2, [Said(1, False, 50.0), Said(2, False, 50.0)])
    assert isolation.look(1)
    assert not isolation.isolated


def test_it_ends_when_the_others_fail_as_well():
    isolation = isolated(10, 10)
    for job in range(10):
        isolation.put(job, [Said(1, True, 10.0), Said(2, True, 30.0)])
    isolation.look(1)
    assert not isolation.isolated


SAID = st.lists(
    st.builds(Said, st.integers(1, 4), st.booleans(), st.integers(0, 5).map(float)),
    unique_by=lambda said: said.worker,
)


@given(st.lists(st.tuples(st.integers(0, 5), SAID), max_size=60))
def test_counting_as_things_change_is_counting_anew(changes):
    isolation, latest = Isolation(), {}
    for job, said in changes:
        isolation.put(job, said)
        latest[job] = said
    found = [alone_in(said) for said in latest.values()]
    for worker in range(1, 5):
        isolation.look(worker)
        alone = sum(one.get(worker, False) for one in found)
        seen = sum(worker in one for one in found)
        isolates = is_isolated(alone, seen, was=False)
        assert (worker in isolation.isolated) is isolates


@given(st.integers(0, 50), st.integers(0, 50))
def test_who_is_isolated_fails_something_and_never_begins_with_little(alone, more):
    seen = alone + more
    assert not is_isolated(0, seen, was=True)
    if is_isolated(alone, seen, was=False):
        assert alone >= LEAST
        assert 2 * alone > seen
        assert is_isolated(alone, seen, was=True)
