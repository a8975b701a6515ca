"""What waits while the database refuses does not grow without bound, nor lose a word
that counts."""

from pangea.coordinator.backlog import MOST_TOLD, LateMarks, keep_latest, shorten
from pangea.coordinator.decided import Decided
from pangea.coordinator.incident_writes import (
    MOST_LINES,
    MOST_WAITING,
    IncidentWrites,
    write,
    write_line,
)
from pangea.core.incident import Entry, begin, follow
from pangea.core.model import Verdict
from pangea.core.uptime import Span
from pangea.core.verdict import Transition
from pangea.storage import incidents, lateness

S = 1_000_000


def waiting(rounds):
    """Return what waits after so many rounds, and the incident as it is at last."""
    change = Transition(1, 10 * S, Verdict.UP, Verdict.DOWN, "refused")
    step, whole = begin(1, "web", change), Decided()
    for at in range(rounds):
        decided = Decided()
        write(step, decided)
        decided.writes.append(LateMarks([(1, Span(S, (2 + at) * S))]))
        whole = whole.before(decided)
        shorten(whole, 100)
        lost = Transition(1, (11 + at) * S, Verdict.DOWN, Verdict.UNKNOWN, "")
        step = follow(step.incident, lost)
    return whole, step.incident


def test_many_rounds_leave_one_write_of_each_kind_and_one_word():
    whole, _ = waiting(3 * MOST_LINES)
    (steps,) = [w.steps() for w in whole.writes if isinstance(w, IncidentWrites)]
    assert len(whole.writes) == 2
    assert len(steps[0].entries) == MOST_LINES + 1
    assert steps[0].entries[0].kind == "opened"
    assert [words["change"] for _, _, words in whole.told] == ["unknown"]


def test_the_members_that_earlier_rounds_changed_are_stored_too():
    decided, later = Decided(), Decided()
    step = begin(1, "web", Transition(1, S, Verdict.UP, Verdict.DOWN, "refused"))
    write(step, decided)
    up = follow(step.incident, Transition(1, 2 * S, Verdict.DOWN, Verdict.UP, ""))
    write(up, later)
    whole = decided.before(later)
    shorten(whole, 100)
    ((joined,),) = [w.steps() for w in whole.writes]
    assert joined.changed == (1,)
    assert not joined.incident.is_open
    assert [e.kind for e in joined.entries] == ["opened", "recovered", "closed"]


async def test_what_was_joined_is_stored_as_it_was_said(store):
    whole, incident = waiting(3)
    await store.write(lambda: [each() for each in whole.writes])
    (kept,) = await store.read(lambda: incidents.open_now(0))
    assert kept.id == incident.id
    late = await store.read(lateness.late_stretches)
    assert late == {1: Span(S, 4 * S)}


def test_of_the_same_key_the_last_is_written():
    said, whole = [], Decided()
    for number in range(5):
        whole.writes.append(keep_latest(("sick", 1), said.append, number))
    whole.writes.append(keep_latest(("sick", 2), said.append, "other"))
    shorten(whole, 100)
    for each in whole.writes:
        each()
    assert said == [4, "other"]


def test_of_too_many_words_the_last_are_told():
    whole = Decided()
    whole.told += [("job", 1, {"n": n}) for n in range(MOST_TOLD + 7)]
    shorten(whole, 100)
    assert len(whole.told) == MOST_TOLD
    assert whole.told[0][2] == {"n": 7}


def line(at):
    return Entry(kind="explain", at_us=at, text=f"web: {at}")


async def test_lines_beside_the_steps_are_written_as_one_and_after_them(store):
    decided, jobs = Decided(), range(1, 4)
    for job in jobs:
        change = Transition(job, job * S, Verdict.UP, Verdict.DOWN, "refused")
        step = begin(1, f"j{job}", change)
        write(step, decided)
        write_line(step.incident.id, line(job * S), decided)
    assert len(decided.writes) == 2
    await store.write(lambda: [each() for each in decided.writes])
    found = await store.read(lambda: incidents.open_now(0))
    assert len(found) == 3
    for incident in found:
        told = await store.read(lambda i=incident.id: incidents.timeline(i))
        assert [e.kind for e in told] == ["opened", "explain"]


def test_of_too_many_lines_the_last_wait():
    whole = Decided()
    for at in range(0, 2 * MOST_WAITING, 1000):
        decided = Decided()
        for n in range(1000):
            write_line("abc", line(at + n), decided)
        whole = whole.before(decided)
        shorten(whole, 100)
    (lines,) = whole.writes
    kept = [entry.at_us for _, entry in lines._lines]
    assert kept == list(range(MOST_WAITING, 2 * MOST_WAITING))
