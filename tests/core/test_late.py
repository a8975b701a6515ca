"""Late results: what would have been said had they come in time."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from pangea.core.backfill import amend, stretches
from pangea.core.late import correct, relive, sitting
from pangea.core.model import Verdict, VoteValue
from pangea.core.rule import parse_rule
from pangea.core.uptime import Span, pieces
from pangea.core.verdict import JobState, Transition, Vote

S, EVERY, LASTS = 1_000_000, 30, 65
UP, DOWN, DEGRADED, UNKNOWN = (
    Verdict.UP, Verdict.DOWN, Verdict.DEGRADED, Verdict.UNKNOWN,
)  # fmt: skip
WHOLE = Span(0, 3600 * S)
MAJORITY = parse_rule("majority")


def votes(worker, begin, end, *bad):
    """Return what *worker* says every 30 s; it failed within each of *bad*."""
    found = []
    for at in range(begin + worker, end, EVERY):
        failed = any(a <= at < b for a, b in bad)
        value = VoteValue.FAILED if failed else VoteValue.OK
        found.append(Vote(worker, value, at, at + LASTS, 10.0))
    return found


def turns(*said, before=UNKNOWN):
    found = []
    for at, after in said:
        found.append(Transition(1, at * S, before, after, "said"))
        before = after
    return found


def relived(*said, until=3600, rule=MAJORITY):
    every = [vote for some in said for vote in some]
    return [(t.after, t.at_us // S) for t in relive(JobState(1), every, rule, until)]


def test_an_outage_that_all_saw_is_down_and_up_again():
    found = relived(*(votes(w, 0, 3600, (600, 900)) for w in (1, 2, 3)))
    assert [after for after, _ in found] == [UP, DOWN, UP]
    assert 600 <= found[1][1] <= 635
    assert 900 <= found[2][1] <= 970


def test_a_worker_that_is_silent_leaves_after_five_minutes():
    """The other one alone confirms by repeats, which are among the results."""
    alone = votes(2, 0, 3600, (1200, 1500))
    tries = [Vote(2, VoteValue.FAILED, 1202 + n, 1300.0, 10.0) for n in (1, 2.1, 7.2)]
    found = relived(votes(1, 0, 600), alone, tries)
    assert [after for after, _ in found] == [UP, DOWN, UP]


def test_a_stretch_without_any_result_is_unknown():
    found = relived(votes(1, 0, 600), votes(1, 1800, 3600))
    assert [after for after, _ in found] == [UP, UNKNOWN, UP]
    assert 600 <= found[1][1] <= 600 + LASTS


def test_who_never_sat_there_changes_nothing():
    seats = [(0, (1, 2))]
    said = [*votes(1, 0, 3600), *votes(2, 0, 3600)]
    lies = votes(3, 0, 3600, (600, 900)) + votes(4, 0, 3600, (600, 900))
    rule = parse_rule("any")
    honest = relive(JobState(1), said, rule, 3600)
    assert relive(JobState(1), said + lies, rule, 3600, seats=seats) == honest
    assert relive(JobState(1), said + lies, rule, 3600) != honest


def test_who_was_silent_and_came_back_had_its_seat_meanwhile():
    inf = float("inf")
    seats = [(0, (1, 2)), (600 * S, (1,)), (1200 * S, (1, 2)), (1800 * S, (2,))]
    assert sitting(seats) == {1: (-inf, 1800.0), 2: (-inf, inf)}
    assert sitting([(0, ()), (600 * S, (1,))]) == {1: (600.0, inf)}
    assert sitting([]) == {}


def test_who_left_for_good_says_nothing_of_what_came_after():
    seats = [(0, (1, 2)), (1800 * S, (1,))]
    said = [*votes(1, 0, 3600), *votes(2, 0, 1800)]
    lies = votes(2, 1900, 3600, (1900, 3600))
    rule = parse_rule("any")
    honest = relive(JobState(1), said, rule, 3600, seats=seats)
    assert relive(JobState(1), said + lies, rule, 3600, seats=seats) == honest


def outcome(said, found, within=30 * S, whole=WHOLE):
    """Return the log after the correction, in force."""
    fix = correct(said, found, UNKNOWN, whole, within)
    wrong = set(fix.wrong)
    return sorted(
        [*(t for t in said if t not in wrong), *fix.right], key=lambda t: t.at_us
    )


def test_an_outage_that_nobody_told_is_added():
    said = turns((10, UP))
    found = turns((12, UP), (600, DOWN), (930, UP))
    after = outcome(said, found)
    assert [(t.at_us // S, t.after) for t in after] == [
        (10, UP),
        (600, DOWN),
        (930, UP),
    ]


def test_an_outage_that_never_was_goes():
    said = turns((10, UP), (600, DOWN), (900, UP))
    assert [(t.at_us // S, t.after) for t in outcome(said, turns((12, UP)))] == [
        (10, UP)
    ]


def test_what_was_heard_a_moment_later_is_not_wrong():
    said = turns((10, UP), (600, DOWN), (900, UP))
    found = turns((12, UP), (590, DOWN), (915, UP))
    assert not correct(said, found, UNKNOWN, WHOLE, 30 * S)


def test_less_is_known_now_than_then_so_it_stays():
    said = turns((10, UP), (600, DOWN), (900, UP))
    found = turns((10, UP), (500, UNKNOWN), (1000, UP))
    assert not correct(said, found, UNKNOWN, WHOLE, 30 * S)


logs = st.lists(
    st.tuples(st.integers(1, 3599), st.sampled_from(Verdict)), max_size=8
).map(
    lambda said: turns(*sorted(dict(said).items()))
)  # fmt: skip


@settings(max_examples=300)
@given(logs, logs)
def test_a_corrected_log_is_a_chain_and_correcting_it_again_changes_nothing(
    said, found
):
    said = [t for t in said if t.before is not t.after]
    found = [t for t in found if t.before is not t.after]
    after = outcome(said, found)
    for earlier, later in itertools.pairwise(after):
        assert earlier.after is later.before
        assert earlier.at_us < later.at_us
    assert not correct(after, found, UNKNOWN, WHOLE, 30 * S)
    before = {
        at: v
        for v, s in pieces(said, WHOLE)
        for at in range(s.begin_us // S, s.end_us // S)
    }
    truth = {
        at: v
        for v, s in pieces(found, WHOLE)
        for at in range(s.begin_us // S, s.end_us // S)
    }
    now = {
        at: v
        for v, s in pieces(after, WHOLE)
        for at in range(s.begin_us // S, s.end_us // S)
    }
    assert all(
        now[at] in (before.get(at, UNKNOWN), truth.get(at, UNKNOWN)) for at in now
    )


def test_incidents_are_added_and_taken_back_and_the_present_is_left_alone():
    never = stretches(1, "web", turns((600, DOWN), (700, UP), before=UP))
    stays = stretches(1, "web", turns((2000, DOWN), (2100, UP), before=UP))
    open_ = stretches(1, "web", turns((3500, DOWN), before=UP))
    true = turns((10, UP), (1300, DEGRADED), (1400, UP), (2005, DOWN), (2090, UP))
    known = [*never, *stays, *open_]
    amended = amend(1, "web", true, known, WHOLE, 9999 * S)
    (made,), (gone,) = amended.missed, amended.never
    assert made.incident.backfilled
    assert made.incident.opened_us == 1300 * S
    assert made.incident.closed_us == 1400 * S
    assert gone.incident.retracted
    assert gone.incident.id == never[0].id
    planned = [Span(1200 * S, 1350 * S)]
    assert amend(1, "web", true, known, WHOLE, 0, planned).missed == ()
    again = amend(1, "web", true, [made.incident, gone.incident, *stays], WHOLE, 0)
    assert not again.missed
    assert not again.never
