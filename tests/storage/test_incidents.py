"""Incidents and notes in the database: what is stored comes back as it was."""

import pytest

from pangea.core.cause import Cause
from pangea.core.errors import UsageError
from pangea.core.incident import begin, follow
from pangea.core.model import Verdict
from pangea.core.remarks import acknowledge
from pangea.core.storm import merge
from pangea.core.verdict import Transition
from pangea.storage import incidents, notes, verdicts
from pangea.storage.connection import connection
from pangea.storage.notes import Note

S = 1_000_000
T = 1_700_000_000 * S
UP, DOWN = Verdict.UP, Verdict.DOWN


def change(job, seconds=0, after=DOWN, before=UP):
    return Transition(job, T + seconds * S, before, after, "refused")


def opened(job=1, seconds=0, org=1):
    return begin(org, f"job-{job}", change(job, seconds))


async def put(store, *steps):
    def save():
        for step in steps:
            incidents.save(step)

    await store.write(save)


async def test_an_incident_comes_back_with_members_and_timeline(store):
    step = opened()
    acked = acknowledge(step.incident, "ann", "mine", T + 2 * S)
    over = follow(acked.incident, change(1, 60, UP, DOWN))
    await put(store, step, acked, over)
    found = await store.read(lambda: incidents.one(1, step.incident.id))
    assert found == over.incident
    lines = await store.read(lambda: incidents.timeline(found.id))
    assert lines == [*step.entries, *acked.entries, *over.entries]
    assert await store.read(lambda: incidents.one(2, found.id)) is None


async def test_a_storm_comes_back_with_its_causes_and_its_first_member_first(store):
    steps = [opened(3, 0), opened(1, 5), opened(2, 9)]
    cause = Cause("subnet", "10.0.0.0/24")
    storm, merged = merge([s.incident for s in steps], (cause,), T + 9 * S)
    await put(store, *steps, storm, *merged)
    (found,) = await store.read(lambda: incidents.open_now(1 << 62))
    assert found == storm.incident
    assert list(found.members) == [3, 1, 2]
    page, _ = await store.read(lambda: incidents.page(1))
    assert [i.id for i in page] == [found.id], "what was merged is told of there"
    of_second, _ = await store.read(lambda: incidents.page(1, job=2))
    assert [i.id for i in of_second] == [found.id]


async def test_what_closed_lately_is_loaded_and_what_closed_before_is_not(store):
    lately, before = opened(1), opened(2)
    steps = [
        lately,
        before,
        follow(lately.incident, change(1, 600, UP, DOWN)),
        follow(before.incident, change(2, 500, UP, DOWN)),
    ]
    await put(store, *steps)
    found = await store.read(lambda: incidents.open_now(T + 600 * S))
    assert [i.job for i in found] == [1]


async def test_pages_go_through_all_also_of_the_same_moment(store):
    await put(store, *(opened(job, seconds=job // 3) for job in range(1, 12)))
    seen, cursor = [], None
    while True:
        at = cursor
        page, cursor = await store.read(
            lambda at=at: incidents.page(1, limit=3, cursor=at)
        )
        seen += [(i.opened_us, i.id) for i in page]
        if cursor is None:
            break
    assert seen == sorted(seen, reverse=True)
    assert len(set(seen)) == 11


async def test_a_list_is_of_one_organisation_and_as_was_wanted(store):
    mine, other, closed = opened(1), opened(2, org=2), opened(3)
    over = follow(closed.incident, change(3, 60, UP, DOWN))
    await put(store, mine, other, closed, over)

    async def jobs(**more):
        page, _ = await store.read(lambda: incidents.page(1, **more))
        return sorted(i.job for i in page)

    assert await jobs() == [1, 3]
    assert await jobs(only_open=True) == [1]
    assert await jobs(since_us=T + 60 * S) == [1, 3]
    assert await jobs(since_us=T + 61 * S) == [1]
    assert await jobs(until_us=T + 1) == [1, 3]
    assert await jobs(until_us=T) == []
    assert await jobs(wanted=lambda i: 3 in i.members) == [3]


async def test_what_is_looked_for_is_found_page_by_page(store, monkeypatch):
    monkeypatch.setattr(incidents, "MOST_LOOKED", 4)
    await put(store, *(opened(job, seconds=job) for job in range(1, 12)))
    seen, cursor, pages = [], None, 0
    while pages == 0 or cursor:
        page, cursor = await store.read(
            lambda at=cursor: incidents.page(
                1, limit=2, cursor=at, wanted=lambda one: one.job in (1, 2, 9, 10, 11)
            )
        )
        seen += [i.job for i in page]
        pages += 1
    assert seen == [11, 10, 9, 2, 1]
    # Two are found at once; then four are looked at each time, also for nothing.
    assert pages == 4


async def test_a_timeline_is_read_from_its_end(store):
    step = opened()
    texts = [acknowledge(step.incident, "ann", str(n), T + n) for n in range(10)]
    await put(store, step, *texts)
    lines = await store.read(lambda: incidents.timeline(step.incident.id, 3))
    assert [e.text for e in lines] == ["7", "8", "9"]


async def test_changes_of_verdict_are_read_back_as_far_as_flapping_looks(store):
    def fill():
        connection().execute(
            "INSERT INTO job (id, org, name, type, target, interval_s, timeout_s,"
            " places, rule, options, labels, enabled, stopped_on, created_at_us)"
            " VALUES (1, 1, 'a', 'tcp', 'x:1', 30, 5, 'all', 'majority', ?, ?,"
            " 1, ?, 0)",
            (b"\x80", b"\x80", b"\x90"),
        )
        verdicts.log_transitions([change(1, 0), change(1, 1), change(2, 1)])

    await store.write(fill)
    now_us = T + 600 * S
    found = await store.read(lambda: incidents.recent_changes(now_us, 20))
    assert found == [change(1, 1)], "600 s are 20 intervals; a job that is gone is not"


async def test_a_transaction_that_fails_stores_no_step(store):
    def fail():
        incidents.save(opened())
        raise ValueError("the rest of the commit")

    with pytest.raises(ValueError, match="the rest"):
        await store.write(fail)
    assert await store.read(lambda: incidents.open_now(0)) == []


@pytest.mark.parametrize("cursor", ["", ".", "x.y", "1.", "-1.a", "1" * 25 + ".a"])
async def test_a_cursor_that_is_none_is_refused(store, cursor):
    for page in (incidents.page, notes.page):
        with pytest.raises(UsageError, match="no cursor"):
            await store.read(lambda page=page: page(1, cursor=cursor))


async def test_notes_are_found_by_time_and_label_in_pages(store):
    def fill():
        for number in range(6):
            labels = {"app": "x"} if number % 2 else {}
            notes.add(
                Note(
                    org=1 + (number == 5),
                    at_us=T + number,
                    added_us=T,
                    who="ann",
                    text=str(number),
                    labels=labels,
                )
            )

    await store.write(fill)

    async def texts(**more):
        page, after = await store.read(lambda: notes.page(1, **more))
        return [n.text for n in page], after

    assert await texts() == (["4", "3", "2", "1", "0"], None)
    assert await texts(labels={"app": "x"}) == (["3", "1"], None)
    assert await texts(since_us=T + 2, until_us=T + 3) == (["3", "2"], None)
    first, after = await texts(limit=1, labels={"app": "x"})
    assert first == ["3"]
    assert await texts(labels={"app": "x"}, cursor=after) == (["1"], None)


async def test_a_page_of_notes_looks_at_so_many_and_says_where_it_stopped(
    store, monkeypatch
):
    monkeypatch.setattr(notes, "MOST_LOOKED", 4)

    def fill():
        for number in range(10):
            labels = {"app": "x"} if number in (1, 9) else {}
            notes.add(
                Note(org=1, at_us=T + number, added_us=T, who="a", text=str(number),
                     labels=labels)
            )  # fmt: skip

    await store.write(fill)
    found, cursor, pages = [], None, 0
    while pages == 0 or cursor:
        page, cursor = await store.read(
            lambda at=cursor: notes.page(1, labels={"app": "x"}, cursor=at)
        )
        found += [note.text for note in page]
        pages += 1
    assert (found, pages) == (["9", "1"], 3)
