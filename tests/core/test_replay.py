"""The recorded votes judged again say what was said."""

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from pangea.core.backtest import backtest, compare
from pangea.core.model import Verdict, VoteValue
from pangea.core.replay import Recorded, replay
from pangea.core.rule import parse_rule
from pangea.core.uptime import Span, bad_spans
from pangea.core.verdict import JobState, Transition, Vote, judge

EVERY, END = 30, 1800
OK, FAILED, WARN = VoteValue.OK, VoteValue.FAILED, VoteValue.WARN


def live(plan, rule, repeats=True):
    """Judge results as they come; *plan* says what each worker finds when.

    Return the changes of votes and the transitions.
    """
    n = len(plan)
    state = JobState(1, electorate=tuple(range(1, n + 1)))
    due = sorted(
        (1 + k * EVERY + w * EVERY // n, w + 1)
        for k in range(END // EVERY)
        for w in range(n)
    )
    changes, turns = [], []
    while due:
        at, worker = due.pop(0)
        value = next((v for begin, v in reversed(plan[worker - 1]) if begin <= at), OK)
        # No two tries take equally long, or one would be the other delivered twice.
        vote = Vote(worker, value, at, at + 2 * EVERY + 9, at * 1e-6)
        judged = judge(state, [vote], rule, at)
        state = judged.state
        changes += judged.changes
        turns += [judged.transition] if judged.transition else []
        if judged.repeat_after_s is not None and repeats:
            due = sorted([*due, (at + judged.repeat_after_s + 0.01, worker)])
    return changes, turns


def recorded(changes, **more):
    return Recorded(
        job=1,
        interval_s=EVERY,
        begin_us=0,
        end_us=END * 1_000_000,
        changes=changes,
        **more,
    )


plans = st.lists(
    st.lists(
        st.tuples(st.integers(0, END - 300), st.sampled_from(VoteValue)), max_size=6
    ).map(lambda said: sorted(said, key=lambda s: s[0])),
    min_size=1,
    max_size=5,
)
rules = st.sampled_from(
    ["majority", "any", "all", "2", "60%", "majority down=3 up=4", "any up=1",
     "majority min_voters=1 confirm=off"]
).map(parse_rule)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(plans, rules)
def test_the_same_rule_gives_the_same_transitions(plan, rule):
    changes, turns = live(plan, rule)
    seats = [(0, tuple(range(1, len(plan) + 1)))]
    found = replay(recorded(changes, seats=seats), rule)
    if len(plan) > 1:
        assert found == turns
        return
    # A voter that is alone tries again off its grid: what is brief may be missed.
    steady = END * 1_000_000 - 5 * EVERY * 1_000_000
    if all(t.at_us < steady for t in turns):
        assert found[-1].after is turns[-1].after


def test_without_a_log_of_seats_who_votes_has_one():
    rule = parse_rule("majority")
    changes, turns = live(outage(1, 2, 3), rule)
    assert replay(recorded(changes), rule)[-2:] == turns[-2:]


def test_renewals_are_made_up_only_while_they_matter():
    """Thirty days between two changes cost nothing."""
    month = 30 * 86400
    changes, _ = live([[], []], parse_rule("majority"))
    told = Recorded(
        job=1, interval_s=1, begin_us=0, end_us=month * 1_000_000, changes=changes,
        seats=[(0, (1, 2))],
    )  # fmt: skip
    assert [t.after for t in replay(told, parse_rule("majority"))] == [Verdict.UP]


def outage(*workers, begin=600, lasts=300, of=3):
    plan = [[] for _ in range(of)]
    for worker in workers:
        plan[worker - 1] = [(begin, FAILED), (begin + lasts, OK)]
    return plan


def tried(plan, was, wanted):
    changes, turns = live(plan, parse_rule(was))
    seats = [(0, tuple(range(1, len(plan) + 1)))]
    return backtest(recorded(changes, seats=seats), turns, parse_rule(wanted))


def test_the_same_rule_misses_nothing_and_invents_nothing():
    same = tried(outage(1, 2, 3), "majority", "majority")
    assert (same.then, same.now, same.missed_s, same.false_s) == (1, 1, 0, 0)
    assert same.delay_s == 0
    assert same.down_then_s == same.down_now_s > 250


def test_a_slower_rule_adds_the_delay_of_its_rounds():
    slow = tried(outage(1, 2, 3), "majority", "majority down=3")
    assert (slow.then, slow.now) == (1, 1)
    # Two rounds more, and a round takes two of the three.
    assert EVERY < slow.delay_s <= 2 * EVERY
    assert slow.missed_s == slow.delay_s


def test_what_was_planned_or_on_purpose_is_in_neither():
    changes, turns = live(outage(1, 2, 3), parse_rule("majority"))
    (down,) = bad_spans(turns, Span(0, END * 1_000_000))
    told = recorded(changes, seats=[(0, (1, 2, 3))])
    slow = parse_rule("majority up=4")
    plain = backtest(told, turns, slow)
    assert (plain.then, plain.now) == (1, 1)
    assert plain.false_s > EVERY
    drill = Span(down.begin_us - 1, down.end_us)
    drilled = backtest(replace(told, drills=[drill]), turns, slow)
    assert (drilled.then, drilled.now, drilled.down_now_s) == (0, 0, 0.0)
    assert drilled.false_s == 0, "not even what outlasts the drill by the other rule"
    half = Span(down.begin_us, down.begin_us + 60_000_000)
    planned = backtest(replace(told, planned=[half]), turns, slow)
    assert (planned.then, planned.now, planned.delay_s) == (1, 1, 0)
    assert planned.down_then_s == plain.down_then_s - 60


def test_a_stricter_rule_misses_what_a_looser_one_invents():
    strict = tried(outage(1, lasts=60), "any", "all")
    assert (strict.then, strict.now) == (1, 0)
    assert strict.missed_s > 0
    assert strict.delay_s is None
    loose = tried(outage(1, lasts=60), "all", "any")
    assert (loose.then, loose.now) == (0, 1)
    assert loose.false_s > 0


def test_what_was_bad_before_the_range_is_bad_from_its_beginning():
    told = recorded([], verdict=Verdict.DOWN)
    said = [Transition(1, -5, Verdict.UP, Verdict.DOWN, "")]
    same = compare(told, said, [])
    assert (same.then, same.now, same.missed_s, same.delay_s) == (1, 1, 0, 0)
