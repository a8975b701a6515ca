"""Jobs that fail together for one reason are one incident."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pangea.core.cause import Cause, ranked, subnet_of
from pangea.core.headline import Member
from pangea.core.incident import begin, put
from pangea.core.model import Verdict
from pangea.core.remarks import acknowledge
from pangea.core.storm import LEAST, WINDOW_S, Gathering, fits, join, merge, reopen
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


def test_one_joins_within_a_minute_of_the_last_and_not_later():
    storm = storm_of(1, 2, 3)
    soon = T + round(WINDOW_S * S)
    assert fits(storm, [NET, NAMES], soon) == (NET,)
    joined = join(storm, member(4, soon), (NET,))
    assert joined.incident.title == "4 jobs: 10.8.0.0/24"
    assert joined.incident.members[4].joined_us == soon
    assert joined.changed == (4,)
    assert fits(joined.incident, [NET], 2 * soon - T) == (NET,)
    assert fits(joined.incident, [NET], 2 * soon - T + 1) == ()


def test_an_acknowledgement_covers_what_was_known_and_nothing_that_came_after():
    storm = acknowledge(storm_of(1, 2, 3), "ann", "on it", T + S).incident
    step = join(storm, member(4, T + 2 * S), (NET,))
    assert step.incident.news == (4,)
    assert step.entries[0].data == {"new_since_ack": True}
    assert acknowledge(step.incident, "ann", "", T + 3 * S).incident.news == ()
    fresh = join(storm_of(1, 2, 3), member(4, T + S), (NET,))
    assert (fresh.incident.news, fresh.entries[0].data) == ((), {})


def test_a_merged_job_that_somebody_else_did_not_know_of_is_new_to_them():
    first, second, third = (alone(j, T + j * S) for j in (1, 2, 3))
    first = acknowledge(first, "ann", "", T + 4 * S).incident
    second = acknowledge(second, "bob", "", T + 4 * S).incident
    storm, _ = merge([first, second, third], (NET,), T + 5 * S)
    assert (storm.incident.acked_by, storm.incident.news) == ("ann", (3,))


def test_a_storm_that_was_over_opens_again_with_the_jobs_that_have_its_cause_now():
    storm = replace(storm_of(1, 2, 3), closed_us=T + 60 * S, acked_us=T + S)
    for job in (1, 2, 3):
        well = replace(storm.members[job], recovered_us=T + 60 * S)
        storm = put(storm, well, T + 60 * S)
    fresh = [alone(job, T + (100 + job) * S) for job in (2, 3, 9)]
    step, merged = reopen(storm, fresh, (NET,), T + 110 * S)
    again = step.incident
    assert (again.id, again.is_open, again.reopened) == (storm.id, True, 1)
    assert (again.unwell, len(again.members)) == (3, 4)
    assert again.members[2].joined_us == T
    assert again.news == (2, 3, 9)
    assert step.entries[0].kind == "reopened"
    assert {m.incident.merged_into for m in merged} == {storm.id}


def test_while_jobs_come_a_wider_cause_that_all_share_takes_over():
    storm = storm_of(1, 2, 3, causes=(NET, GATEWAY))
    assert fits(storm, [GATEWAY], T + 10 * S) == (GATEWAY,)
    wider = join(storm, member(4, T + 10 * S), (GATEWAY,)).incident
    assert wider.title == "4 jobs: all depend on gw-1"
    later = T + 10 * S + round(WINDOW_S * S) + 1
    assert fits(storm, [GATEWAY], later) == ()
    assert fits(storm, [SITE], T) == ()


def test_the_headline_is_of_the_worst_and_not_of_the_last():
    storm = storm_of(1, 2, 3)
    assert storm.reason == "refused"
    mild = replace(member(4), verdict=Verdict.DEGRADED, reason="slow")
    assert join(storm, mild, (NET,)).incident.reason == "refused"
    for job in (1, 2, 3):
        well = replace(storm.members[job], recovered_us=T + S)
        storm = put(storm, well, T + S)
    storm = join(storm, mild, (NET,)).incident
    assert (storm.reason, storm.verdict) == ("slow", Verdict.DEGRADED)
    worse = join(storm, replace(member(5), reason="timeout"), (NET,)).incident
    assert worse.reason == "timeout"


def test_what_all_depend_on_is_the_headline_and_not_counted_among_them():
    router = begin(1, "gw-1", Transition(9, T, Verdict.UP, Verdict.DOWN, "no answer"))
    one = join(router.incident, replace(member(1), reason="depends"), (GATEWAY,))
    assert one.incident.title == "1 job: depends on gw-1"
    two = join(one.incident, replace(member(2), reason="depends"), (GATEWAY,)).incident
    assert (two.title, two.reason) == ("2 jobs: all depend on gw-1", "no answer")
    late, _ = merge([alone(1), alone(2, T + S), router.incident], (GATEWAY,), T + S)
    assert (late.incident.title, late.incident.reason) == (two.title, "no answer")


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
