"""Jobs that fail together for one reason are one incident."""

from hypothesis import given
from hypothesis import strategies as st

from pangea.core.cause import Cause, ranked, subnet_of
from pangea.core.incident import Member, begin
from pangea.core.model import Verdict
from pangea.core.storm import LEAST, WINDOW_S, Gathering, fits, join, merge
from pangea.core.verdict import Transition

S = 1_000_000
T = 1_700_000_000 * S
NET, NAMES, GATEWAY, SITE = (
    Cause("subnet", "10.8.0.0/24"),
    Cause("resolver", "10.0.0.53"),
    Cause("dependency", "gw-1"),
    Cause("worker", "site-b"),
)


def alone(job, at_us=T, causes=(NET,)):
    said = Transition(job, at_us, Verdict.UP, Verdict.DOWN, "refused")
    return begin(1, f"job-{job}", said, causes=causes).incident


def member(job, at_us=T):
    return Member(
        job=job, name=f"job-{job}", joined_us=at_us, bad_us=at_us, verdict=Verdict.DOWN
    )


def storm_of(*jobs, causes=(NET,), at_us=T):
    step, _ = merge([alone(job, at_us) for job in jobs], causes, at_us)
    return step.incident


def test_two_are_no_storm_and_the_third_within_a_minute_makes_one():
    gathering = Gathering()
    assert gathering.add(1, T, [NET]) is None
    assert gathering.add(2, T + 30 * S, [NET]) is None
    assert gathering.add(3, T + 60 * S, [NET]) == NET
    assert gathering.of(NET) == [1, 2, 3]


def test_what_failed_more_than_a_minute_before_does_not_count():
    gathering = Gathering()
    for job, seconds in ((1, 0), (2, 30)):
        gathering.add(job, T + seconds * S, [NET])
    assert gathering.add(3, T + 60 * S + 1, [NET]) is None
    assert gathering.of(NET) == [2, 3]


def test_the_cause_that_most_share_wins_then_the_one_that_tells_most():
    gathering = Gathering()
    gathering.add(1, T, [NET, NAMES])
    gathering.add(2, T, [NAMES])
    gathering.add(3, T, [NET, NAMES])
    assert gathering.add(4, T, [NET, NAMES]) == NAMES
    equal = Gathering()
    equal.add(1, T, [SITE, NET, GATEWAY])
    equal.add(2, T, [SITE, NET, GATEWAY])
    assert equal.add(3, T, [SITE, NET, GATEWAY]) == GATEWAY
    assert equal.common([1, 2, 3], GATEWAY) == (GATEWAY, NET, SITE)


def test_who_has_recovered_is_not_counted():
    gathering = Gathering()
    gathering.add(1, T, [NET])
    gathering.add(2, T, [NET])
    gathering.drop(1)
    assert gathering.add(3, T, [NET]) is None


def test_the_first_incident_becomes_the_storm_and_the_others_say_where_they_went():
    first, second, third = (alone(j, T + j * S) for j in (1, 2, 3))
    storm, merged = merge([third, first, second], (NET,), T + 3 * S)
    assert storm.incident.id == first.id
    assert storm.incident.title == "3 jobs: 10.8.0.0/24"
    assert sorted(storm.incident.members) == [1, 2, 3]
    assert {m.incident.merged_into for m in merged} == {first.id}
    assert [m.incident.is_open for m in merged] == [False, False]
    assert storm.entries[0].kind == "storm"


def test_later_ones_join_by_the_cause_that_is_shown():
    storm = storm_of(1, 2, 3)
    late = T + 3600 * S
    assert fits(storm, [NET, NAMES], late) == (NET,)
    joined = join(storm, member(4, late), (NET,))
    assert joined.incident.title == "4 jobs: 10.8.0.0/24"
    assert joined.incident.members[4].joined_us == late
    assert joined.changed == (4,)


def test_while_jobs_come_a_wider_cause_that_all_share_takes_over():
    storm = storm_of(1, 2, 3, causes=(NET, GATEWAY))
    assert fits(storm, [GATEWAY], T + 10 * S) == (GATEWAY,)
    wider = join(storm, member(4, T + 10 * S), (GATEWAY,)).incident
    assert wider.title == "4 jobs: all depend on gw-1"
    later = T + 10 * S + round(WINDOW_S * S) + 1
    assert fits(storm, [GATEWAY], later) == ()
    assert fits(storm, [SITE], T) == ()


def test_one_that_comes_back_keeps_when_it_first_joined():
    storm = storm_of(1, 2, 3)
    again = join(storm, member(2, T + 99 * S), (NET,)).incident
    assert again.members[2].joined_us == T
    assert again.members[2].bad_us == T + 99 * S
    assert len(again.members) == 3


def test_networks_are_those_of_addresses_that_other_machines_have():
    assert subnet_of("10.8.0.7") == "10.8.0.0/24"
    assert subnet_of("2001:db8::7%eth0") == "2001:db8::/64"
    assert subnet_of("[2001:db8::7]") == "2001:db8::/64"
    for none in ("", "example.com", "127.0.0.1", "::1", "0.0.0.0", "10.8.0.7/24"):
        assert subnet_of(none) == ""


CAUSES = st.lists(st.sampled_from([NET, NAMES, GATEWAY, SITE]), max_size=4)


@given(st.lists(st.tuples(st.integers(1, 8), st.integers(0, 90), CAUSES), max_size=60))
def test_a_storm_is_of_enough_jobs_that_share_its_cause_within_the_window(failures):
    gathering, at_us, last = Gathering(), T, {}
    for job, wait, causes in failures:
        at_us += wait * S
        last[job] = (at_us, causes)
        cause = gathering.add(job, at_us, causes)
        if cause is None:
            continue
        jobs = gathering.of(cause)
        assert len(set(jobs)) == len(jobs) >= LEAST
        assert job in jobs
        for each in jobs:
            seen_us, shared = last[each]
            assert cause in shared
            assert at_us - seen_us <= WINDOW_S * S
        common = gathering.common(jobs, cause)
        assert common[0] == cause
        assert set(common) == set.intersection(*(set(last[j][1]) for j in jobs))
        for each in jobs:
            gathering.drop(each)


@given(CAUSES)
def test_causes_are_ranked_without_doubles(causes):
    assert set(ranked(causes)) == set(causes)
    assert ranked(reversed(causes)) == ranked(causes)
