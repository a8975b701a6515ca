"""Whatever happens, each job that is unwell is in one open incident, and no other."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from pangea.coordinator.board import Board
from pangea.coordinator.decided import Decided
from pangea.coordinator.incidents import Incidents
from pangea.core.incident import BAD, REOPEN_S, begin, follow
from pangea.core.model import Job, Verdict
from pangea.core.verdict import JobState, Judgement, Transition

S = 1_000_000
JOBS = 8
UP, DOWN, UNKNOWN = Verdict.UP, Verdict.DOWN, Verdict.UNKNOWN


class Hand:
    """A clock that is set by hand."""

    now = 1_700_000_000.0

    def wall(self):
        return self.now

    def monotonic(self):
        return self.now


class Play:
    """Incidents over a board without a database: steps are kept as they come."""

    def __init__(self, apart=False):
        self.clock, self.board = Hand(), Board()
        for number in range(1, JOBS + 1):
            net = number if apart else number % 2
            self.board.put_job(
                Job(
                    id=number,
                    name=f"job-{number}",
                    type="tcp",
                    target=f"10.0.{net}.{number}:80",
                    interval_s=30.0,
                    timeout_s=5.0,
                )
            )
        self.incidents = Incidents(self.board, None, self.clock)
        self.last, self.entries = {}, []

    def verdict(self, job, after, wait=1.0):
        self.clock.now += wait
        before = self.board.states.get(job, JobState(job))
        if before.verdict is after:
            return
        at_us = round(self.clock.now * 1e6)
        change = Transition(job, at_us, before.verdict, after, "because")
        state = JobState(job, verdict=after, since=self.clock.now, reason="because")
        self.board.states[job] = state
        decided = Decided()
        self.incidents.follow(before, Judgement(state, transition=change), decided)
        self.keep(decided)

    def look(self):
        self.keep(self.incidents.look())

    def keep(self, decided):
        for write in decided.writes:
            for step in write.steps():
                self.last[step.incident.id] = step.incident
                self.entries += step.entries

    def standing(self):
        return [i for i in self.last.values() if not i.merged_into]

    def stretches(self, job):
        found = [i.members[job] for i in self.standing() if job in i.members]
        ends = [(m.bad_us, m.recovered_us or 1 << 62) for m in found]
        return sorted(ends)


def check(play, suppressed=frozenset()):
    ids = {i.id for i in play.incidents.known.values()}
    assert ids <= set(play.last)
    for job in range(1, JOBS + 1):
        ends = play.stretches(job)
        for (_, ended), (begun, _) in itertools.pairwise(ends):
            assert ended <= begun
        unwell = [
            i
            for i in play.standing()
            if i.is_open and job in i.members and not i.members[job].recovered_us
        ]
        state = play.board.states[job]
        if state.verdict in BAD and job not in suppressed:
            assert len(unwell) == 1
            assert play.incidents.open_of(job).id == unwell[0].id
        elif state.verdict is UP:
            assert unwell == []
    for incident in play.standing():
        all_well = all(m.recovered_us for m in incident.members.values())
        assert incident.is_open is (not all_well or bool(incident.flapping))


EVENTS = st.lists(
    st.tuples(
        st.integers(1, JOBS),
        st.sampled_from(list(Verdict)),
        st.sampled_from([0.5, 5.0, 40.0, 61.0, REOPEN_S - 1, REOPEN_S + 61.0]),
    ),
    max_size=60,
)


@settings(deadline=None)
@given(EVENTS, st.booleans())
def test_incidents_of_a_job_never_overlap_also_in_storms(events, apart):
    play = Play(apart)
    for job, after, wait in events:
        play.verdict(job, after, wait)
        play.look()
        check(play)
    for job in range(1, JOBS + 1):
        play.verdict(job, UP)
    play.clock.now += 3600.0
    for _ in range(31):
        play.look()
    assert not [i for i in play.standing() if i.is_open]


@settings(deadline=None)
@given(EVENTS)
def test_the_same_events_make_the_same_incidents(events):
    one, other = Play(), Play()
    for play in (one, other):
        for job, after, wait in events:
            play.verdict(job, after, wait)
    assert one.last == other.last


@settings(deadline=None)
@given(EVENTS, st.sets(st.integers(1, JOBS)))
def test_what_is_suppressed_opens_nothing_until_it_no_longer_is(events, jobs):
    play = Play()
    play.incidents.suppressed = lambda job, at: "maintenance" if job in jobs else ""
    for job, after, wait in events:
        play.verdict(job, after, wait)
        play.look()
        check(play, jobs)
    assert not [i for i in play.standing() if jobs & i.members.keys()]
    play.incidents.suppressed = lambda job, at: ""
    play.clock.now += 1.0
    play.look()
    check(play)


def test_a_storm_is_one_incident_and_ends_when_all_are_well():
    play = Play()
    for job in (2, 4, 6):
        play.verdict(job, DOWN, 5.0)
    (storm,) = play.standing()
    assert storm.title == "3 jobs: 10.0.0.0/24"
    play.verdict(8, DOWN, 60.0)
    (storm,) = play.standing()
    assert sorted(storm.members) == [2, 4, 6, 8]
    for job in (2, 4, 6):
        play.verdict(job, UP)
    assert play.incidents.open_of(8).is_open
    play.verdict(8, UP)
    (storm,) = play.standing()
    assert storm.closed_us == round(play.clock.now * 1e6)
    assert len(play.last) == 3, "the incidents of the second and third were merged"


def test_jobs_that_share_nothing_have_incidents_of_their_own():
    play = Play(apart=True)
    for job in range(1, 5):
        play.verdict(job, DOWN)
    assert len(play.standing()) == 4


def test_a_job_that_flaps_has_one_incident_that_outlives_its_good_moments():
    play = Play(apart=True)
    for _ in range(6):
        play.verdict(1, DOWN, 45.0)
        play.verdict(1, UP, 45.0)
    (one,) = play.standing()
    assert one.is_open
    assert one.flapping == (1,)
    play.clock.now += 20 * 30.0
    play.look()
    (one,) = play.standing()
    assert not one.is_open
    kinds = [e.kind for e in play.entries]
    assert (kinds.count("opened"), kinds.count("flapping")) == (1, 1)
    assert kinds[-2:] == ["steady", "closed"]


def test_a_thousand_jobs_at_once_are_taken_in_a_moment():
    play = Play()
    for number in range(JOBS + 1, 1000):
        target = f"10.0.0.{number % 250}:80"
        job = play.board.jobs[1]
        play.board.put_job(
            type(job)(
                id=number,
                name=f"job-{number}",
                type="tcp",
                target=target,
                interval_s=30.0,
                timeout_s=5.0,
            )
        )
    for number in range(JOBS + 1, 1000):
        play.verdict(number, DOWN, 0.001)
    (storm,) = play.standing()
    assert len(storm.members) == 1000 - JOBS - 1
    for number in range(JOBS + 1, 1000):
        play.verdict(number, UP, 0.001)
    assert not play.incidents.all_open(1)


def test_an_incident_added_to_the_past_takes_no_job_out_of_an_open_one():
    play = Play(apart=True)
    play.verdict(1, DOWN)
    mine, now_us = play.incidents.open_of(1), round(play.clock.now * 1e6)
    said = Transition(1, now_us - 90 * S, UP, DOWN, "found late")
    late = begin(1, "job-1", said).incident
    over = follow(late, Transition(1, now_us - 30 * S, DOWN, UP, "well"))
    decided = Decided()
    play.incidents.put(over, decided)
    assert play.incidents.open_of(1).id == mine.id
    play.verdict(1, UP)
    assert not play.incidents.all_open(1)


def test_a_drill_opens_nothing_again_joins_nothing_and_is_never_opened_again():
    play = Play()
    play.verdict(2, DOWN)
    play.verdict(2, UP)
    play.board.drills[2] = True
    play.verdict(2, DOWN)
    drilled = play.incidents.open_of(2)
    assert (drilled.drill, drilled.reopened) == (True, 0)
    for job in (4, 6):
        play.verdict(job, DOWN)
    assert not any(i.is_storm for i in play.standing())
    play.verdict(2, UP)
    play.board.drills.pop(2)
    play.verdict(2, DOWN)
    assert not play.incidents.open_of(2).drill
    check(play)
