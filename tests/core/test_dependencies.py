"""Who depends on whom, and whose fault it is: pure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.dependencies import DEEPEST, GRACE_S, Blame, Graph, blame
from pangea.core.errors import UsageError
from pangea.core.model import Job, Verdict, VoteValue
from pangea.core.verdict import JobState, Vote


def job(number, *parents, org=1, timeout_s=3.0):
    return Job(
        id=number,
        name=f"j{number}",
        type="tcp",
        target="127.0.0.1:1",
        interval_s=10,
        timeout_s=timeout_s,
        depends_on=parents,
        org=org,
    )


class Family:
    """Jobs with their graph and their states."""

    def __init__(self, *jobs):
        self.jobs = {j.id: j for j in jobs}
        self.graph = Graph()
        self.states = {j.id: JobState(j.id, Verdict.UP) for j in jobs}
        for each in jobs:
            self.graph.put(each.id, each.depends_on)

    def say(self, number, verdict=Verdict.UP, *values):
        votes = {w: Vote(w, v, 0.0, 100.0) for w, v in enumerate(values, 1)}
        self.states[number] = JobState(number, verdict, votes=votes)

    def blame(self, number, now=100.0, since=100.0):
        return blame(number, since, self.graph, self.jobs, self.states, now)


def test_ancestors_come_nearest_first_and_each_once():
    family = Family(job(1), job(2, 1), job(3, 1), job(4, 2, 3), job(5))
    assert family.graph.ancestors(4) == [2, 3, 1]
    assert family.graph.dependants(1) == [2, 3, 4]
    assert family.graph.has_dependants(2)
    assert not family.graph.has_dependants(4)
    assert family.graph.ancestors(5) == []


def test_what_a_job_depends_on_is_what_was_put_last():
    family = Family(job(1), job(2), job(3, 1))
    family.graph.put(3, (2,))
    assert family.graph.parents(3) == (2,)
    assert not family.graph.has_dependants(1)
    family.graph.drop(3)
    assert not family.graph.has_dependants(2)


def test_a_circle_is_refused_with_the_way_around_it():
    family = Family(job(1), job(2, 1), job(3, 2))
    with pytest.raises(UsageError, match="j1 > j3 > j2 > j1"):
        family.graph.check(job(1, 3), family.jobs)
    with pytest.raises(UsageError, match="j1 > j1"):
        family.graph.check(job(1, 1), family.jobs)
    family.graph.check(job(3, 1), family.jobs)


def test_a_parent_of_another_organisation_is_not_there():
    family = Family(job(1, org=2), job(2))
    with pytest.raises(UsageError, match="not there"):
        family.graph.check(job(2, 1), family.jobs)
    with pytest.raises(UsageError, match="not there"):
        family.graph.check(job(2, 9), family.jobs)


def test_a_chain_may_have_so_many_jobs_and_no_more():
    chain = [job(1), *(job(n, n - 1) for n in range(2, DEEPEST + 1))]
    family = Family(*chain, job(1000), job(1001, 1000))
    assert len(family.graph.ancestors(DEEPEST)) == DEEPEST - 1
    with pytest.raises(UsageError, match="256 jobs"):
        family.graph.check(job(0, DEEPEST), family.jobs)
    with pytest.raises(UsageError, match="256 jobs"):
        family.graph.check(job(1000, DEEPEST - 1), family.jobs)
    family.graph.check(job(1000, DEEPEST - 2), family.jobs)


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), max_size=40))
def test_no_order_of_changes_makes_a_circle(wanted):
    family = Family(*(job(n) for n in range(1, 10)))
    for child, parent in wanted:
        parents = {*family.graph.parents(child), parent}
        changed = job(child, *sorted(parents))
        try:
            family.graph.check(changed, family.jobs)
        except UsageError:
            assert child == parent or child in family.graph.ancestors(parent)
            continue
        family.graph.put(child, changed.depends_on)
        assert all(n not in family.graph.ancestors(n) for n in family.jobs)


def test_the_one_at_the_root_is_to_blame_whatever_the_way_there():
    family = Family(job(1), job(2, 1), job(3, 1, 2))
    assert family.blame(3) is None
    family.say(2, Verdict.DOWN)
    assert family.blame(3) == Blame(2, "depends on j2, which is down")
    family.say(1, Verdict.DOWN)
    assert family.blame(3) == Blame(1, "depends on j1, which is down")
    assert family.blame(1) is None


@pytest.mark.parametrize("verdict", [Verdict.UP, Verdict.DEGRADED, Verdict.UNKNOWN])
def test_a_parent_that_fails_but_is_not_confirmed_is_waited_for_so_long(verdict):
    family = Family(job(1, timeout_s=3.0), job(2, 1))
    family.say(1, verdict, VoteValue.OK, VoteValue.FAILED)
    limit = 100.0 + 2 * 3.0 + GRACE_S
    held = family.blame(2, now=limit - 0.1)
    assert held == Blame(1, "depends on j1, which is being confirmed", limit)
    assert family.blame(2, now=limit) is None


def test_a_parent_that_was_asked_is_waited_for_until_it_answers():
    family = Family(job(1), job(2, 1))
    family.say(1, Verdict.UP, VoteValue.OK, VoteValue.OK)  # at 0.0

    def found(now, asked):
        graph, jobs, states = family.graph, family.jobs, family.states
        return blame(2, 100.0, graph, jobs, states, now, (), asked)

    assert found(101.0, {1: 100.0}).why == "depends on j1, which is being asked"
    assert found(108.0, {1: 100.0}) is None
    assert found(101.0, {}) is None
    assert found(101.0, {1: 0.0}) is None


def test_a_parent_whose_failed_vote_does_not_count_is_not_waited_for():
    family = Family(job(1), job(2, 1))
    votes = {1: Vote(1, VoteValue.FAILED, 0.0, 100.0)}
    family.states[1] = JobState(1, Verdict.UP, votes=votes, suspended=(1,))
    assert family.blame(2) is None
