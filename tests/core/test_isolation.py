"""Who is alone in what it fails, and who is only the first to see it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.isolation import LEAST, Isolation, Said, alone_in, is_isolated


def test_a_failure_that_another_reached_since_is_alone():
    assert alone_in([Said(1, True, 10.0), Said(2, False, 11.0)]) == {1: True}
    both = alone_in([Said(1, True, 10.0), Said(2, False, 11.0), Said(3, False, 12.0)])
    assert both == {1: True, 2: False, 3: False}


def test_who_sees_an_outage_first_is_not_alone():
    assert alone_in([Said(1, True, 10.0), Said(2, False, 9.0)]) == {}
    assert alone_in([Said(1, True, 10.0), Said(2, True, 11.0)]) == {}


def test_nobody_is_held_against_itself():
    assert alone_in([Said(1, False, 10.0)]) == {}


def one_against(others, *, at=11.0, reached=False):
    """Return what 1 says that fails, or reached, and all *others* say at *at*."""
    rest = [Said(w, reached, at) for w in range(2, others + 2)]
    return [Said(1, not reached, 10.0), *rest]


@pytest.mark.parametrize("workers", [2, 3, 4, 5, 10])
def test_one_worker_that_is_cut_off_is_found_whoever_else_there_is(workers):
    said = one_against(workers - 1, reached=False)
    assert alone_in(said)[1]


@pytest.mark.parametrize("workers", [3, 5, 10])
def test_one_that_reaches_all_whatever_happens_silences_nobody(workers):
    """Nor while the others are still about to see the outage, one by one."""
    for seen in range(1, workers):
        honest = [
            Said(w, w <= seen, 10.0 if w <= seen else 9.0) for w in range(1, workers)
        ]
        assert True not in alone_in([*honest, Said(99, False, 11.0)]).values()


def test_two_that_lie_are_believed_where_they_are_half():
    for workers, believed in ((3, True), (4, True), (5, False), (10, False)):
        honest = [Said(w, True, 10.0) for w in range(1, workers - 1)]
        liars = [Said(98, False, 11.0), Said(99, False, 11.0)]
        assert (True in alone_in([*honest, *liars]).values()) is believed


def test_of_two_that_are_heard_out_of_more_neither_is_believed():
    two = [Said(1, True, 10.0), Said(2, False, 11.0)]
    assert alone_in(two)[1]
    assert 1 not in alone_in([*two, Said(3, None)])
    assert alone_in([*two, Said(3, False, 11.0), Said(4, None)])[1]


def test_who_is_known_to_be_isolated_stays_so_while_a_witness_is_silent():
    said = [Said(1, True, 10.0), Said(2, False, 11.0), Said(3, None)]
    assert alone_in(said, known={1}) == {1: True}
    assert alone_in(said, known={2}) == {}
    nobody = [Said(1, True, 10.0), Said(2, True, 11.0), Said(3, None)]
    assert alone_in(nobody, known={1}) == {}
    isolation = isolated(5, 5)
    for job in range(5):
        isolation.put(job, said)
    assert not isolation.look(1)
    assert isolation.isolated


def test_who_is_not_trusted_is_no_witness_against_two_that_are():
    strangers = [Said(w, False, 11.0, trusted=False) for w in range(10, 20)]
    for friend in (Said(2, None), Said(2, True, 10.0)):
        assert 1 not in alone_in([Said(1, True, 10.0), friend, *strangers])
    friends = [Said(2, False, 11.0), Said(3, False, 11.0)]
    assert alone_in([Said(1, True, 10.0), *friends, *strangers])[1]
    assert alone_in([Said(1, True, 10.0, trusted=False), *strangers])[1]


def test_the_only_one_that_is_trusted_is_alone_if_two_others_and_all_agree():
    own = Said(1, True, 10.0)
    strangers = [Said(w, False, 11.0, trusted=False) for w in range(2, 5)]
    assert alone_in([own, *strangers])[1]
    assert alone_in([own, *strangers[:2], Said(4, None, trusted=False)])[1]
    assert 1 not in alone_in([own, strangers[0]])
    assert 1 not in alone_in([own, *strangers, Said(9, True, 11.0, trusted=False)])
    assert 1 not in alone_in([own, *strangers, Said(9, False, 9.0, trusted=False)])


@given(
    st.sampled_from([3, 5, 10]),
    st.lists(st.tuples(st.integers(0, 9), st.floats(0, 50)), max_size=60),
    st.floats(5, 45),
)
def test_one_liar_isolates_nobody_in_a_true_outage(workers, heard, began):
    """Whoever is heard when: the honest fail from *began* on, the liar never."""
    isolation, said = Isolation(), {}
    for who, at in sorted(heard, key=lambda h: h[1]):
        worker = who % workers
        failed = worker != 0 and at >= began
        held = said.get(worker)
        if held is None or not held.failed:  # what fails has failed since then
            said[worker] = Said(worker, failed, at)
        voters = [said.get(w, Said(w, None)) for w in range(workers)]
        for job in range(5):
            isolation.put(job, voters)
        assert not any(isolation.look(w) for w in range(workers))


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
    st.builds(
        Said,
        st.integers(1, 4),
        st.sampled_from([True, False, None]),
        st.integers(0, 5).map(float),
        st.booleans(),
    ),
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


def test_of_jobs_that_are_gone_nothing_counts():
    isolation = Isolation()
    for job in range(1, LEAST + 3):
        isolation.put(job, [Said(1, True, 0.0), Said(2, False, 1.0)])
    isolation.look(1)
    assert 1 in isolation.isolated
    isolation.keep({1})
    assert isolation._found.keys() == {1}
    assert isolation._alone[1] == 1
