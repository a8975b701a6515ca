"""Incidents of a real coordinator: stored with the verdict, told, and kept."""

import asyncio

import pytest

from pangea.coordinator.explain_service import ExplainService
from pangea.coordinator.incident_filter import wanted_of
from pangea.coordinator.incident_service import IncidentService
from pangea.coordinator.note_service import NoteService
from pangea.core.cause import Cause
from pangea.core.errors import Conflict, NotFound
from pangea.core.headline import Member
from pangea.core.incident import Incident
from pangea.core.model import FIRST_ORG, Outcome, Verdict
from pangea.storage import incidents as stored
from pangea.storage import verdicts
from pangea.storage.connection import connection
from pangea.web.api_incidents import IncidentsQuery
from pangea.web.schema import JobPatch
from pangea.web.schema_incidents import NoteSpec
from tests.coordinator.conftest import World
from tests.coordinator.test_moving import add
from tests.coordinator.test_suppression import Scene

FAILED, OK = Outcome.FAILED, Outcome.OK


class Site(Scene):
    """A scene whose incidents are asked for as the web does."""

    def __init__(self, world):
        super().__init__(world)
        self.service = IncidentService(world.coordinator)
        self.notes = NoteService(world.coordinator)

    async def listed(self, **more):
        asked = IncidentsQuery(**more)
        return (await self.service.incidents(FIRST_ORG, asked, None)).items

    async def show(self, name):
        return await self.service.incident(FIRST_ORG, name)

    async def stored_open(self):
        await self.world.coordinator.intake.drain()
        return await self.world.store.read(lambda: stored.open_now(1 << 62))

    async def listed_as(self, *states):
        async with asyncio.timeout(20):
            while [i.state for i in await self.listed()] != list(states):
                await asyncio.sleep(0.02)


@pytest.fixture
async def site(world):
    made = Site(world)
    await made.start()
    return made


def incident_of(title, *causes, acked_us=0, closed_us=0):
    """Return an incident of one job that says 503."""
    member = Member(
        job=7, name=title, joined_us=1, bad_us=1, verdict=Verdict.DOWN, reason="got 503"
    )
    return Incident(
        id="2T4K",
        org=1,
        job=7,
        title=title,
        opened_us=1,
        verdict=Verdict.DOWN,
        worst=Verdict.DOWN,
        members={7: member},
        causes=tuple(Cause(kind, "192.0.2.0/24") for kind in causes),
        acked_us=acked_us,
        closed_us=closed_us,
    )


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"q": "SHOP 503"}, True),
        ({"q": "shop -503"}, False),
        ({"q": "2t4k"}, True),
        ({"q": "192.0.2"}, True),
        ({"q": "mail"}, False),
        ({"cause": "subnet"}, True),
        ({"cause": "issuer"}, False),
        ({"state": "acknowledged"}, True),
        ({"state": "open"}, False),
        ({"q": "shop", "cause": "subnet", "state": "acknowledged"}, True),
    ],
)
def test_an_incident_is_wanted_if_all_that_is_asked_fits(asked, found):
    wanted = wanted_of(IncidentsQuery(**asked))
    assert wanted(incident_of("shop", "subnet", acked_us=5)) is found


def test_without_a_filter_nothing_is_looked_at():
    assert wanted_of(IncidentsQuery(job="x", open=True)) is None


async def test_an_incident_is_stored_told_and_over(site):
    job = await add(site.world)
    await site.up(job)
    with site.world.hub.subscribe(FIRST_ORG) as events:
        await site.down(job)
        await site.listed_as("open")
        told = [e for e in await events.take(2) if e.kind == "incident"]
    assert b'"change":"opened"' in told[0].data
    incident = await site.show("web")
    assert (incident.verdict, incident.jobs) == ("down", ["web"])
    assert incident.first_fail_at < incident.confirmed_at == incident.opened_at
    assert "2 of 2 failed" in incident.reason
    answer = await site.world.service.job(FIRST_ORG, "web")
    assert answer.incident == incident.id
    status = await site.world.service.status(FIRST_ORG)
    assert (status.incidents_open, status.incidents[0].id) == (1, incident.id)
    await site.up(job)
    await site.listed_as("closed")
    assert [e.kind for e in (await site.show(incident.id)).timeline] == [
        "opened",
        "recovered",
        "closed",
    ]
    assert (await site.world.service.status(FIRST_ORG)).incidents_open == 0
    assert (await site.world.service.job(FIRST_ORG, "web")).incident is None


async def test_its_reason_follows_while_more_fail_and_keeps_the_most(site):
    job = await add(site.world, rule="any")
    await site.up(job)
    await site.say(job, FAILED, None)
    await site.until(lambda: site.board.states[job].verdict == "down")
    (incident,) = site.incidents.known.values()
    assert incident.reason.startswith("1 of 2 failed")

    def reason():
        return site.incidents.known[incident.id].reason[:13]

    await site.say(job, None, FAILED)
    await site.until(lambda: reason() == "2 of 2 failed")
    await site.say(job, OK, None)
    await site.until(lambda: site.board.states[job].reason.startswith("1 of 2"))
    (kept,) = await site.stored_open()
    assert reason() == kept.reason[:13] == kept.members[job].reason[:13]
    lines = await site.world.store.read(lambda: stored.timeline(incident.id))
    assert [e.kind for e in lines if e.kind in ("opened", "verdict")] == ["opened"]


async def test_what_is_said_of_it_is_kept(site):
    job = await add(site.world)
    await site.down(job)
    await site.listed_as("open")
    acked = await site.service.acknowledge(FIRST_ORG, "web", "ann", " on\nit ")
    assert (acked.state, acked.acknowledged_by) == ("acknowledged", "ann")
    said = await site.service.comment(FIRST_ORG, acked.id, "bob", "cable\x1b[2J")
    assert [(e.kind, e.who, e.text) for e in said.timeline[1:]] == [
        ("acknowledged", "ann", "on it"),
        ("comment", "bob", "cable\\x1b[2J"),
    ]
    await site.up(job)
    await site.listed_as("closed")
    with pytest.raises(Conflict, match="is over"):
        await site.service.acknowledge(FIRST_ORG, acked.id, "ann", "")
    late = await site.service.comment(FIRST_ORG, acked.id, "ann", "it was the cable")
    assert late.timeline[-1].text == "it was the cable"
    with pytest.raises(NotFound):
        await site.service.incident(2, acked.id)
    with pytest.raises(NotFound):
        await site.show("no-such")


async def test_a_failure_soon_after_goes_on_with_the_same_incident(site):
    job = await add(site.world)
    await site.down(job)
    await site.up(job)
    await site.down(job)
    await site.listed_as("open")
    (incident,) = await site.listed()
    assert incident.reopened == 1


async def test_three_jobs_of_a_network_are_one_incident(site):
    jobs = [
        await add(site.world, f"web-{n}", target=f"http://10.9.8.{n}/")
        for n in (1, 2, 3)
    ]
    other = await add(site.world, "far", target="http://10.9.9.1/")
    for job in (*jobs, other):
        await site.down(job)
    await site.listed_as("open", "open")
    titles = [i.title for i in await site.listed()]
    assert titles == ["far", "3 jobs: 10.9.8.0/24"]
    storm = await site.show("web-3")
    assert storm.cause == "10.9.8.0/24"
    assert [m.job for m in storm.members] == ["web-1", "web-2", "web-3"]
    assert len(await site.stored_open()) == 2
    for job in jobs[:2]:
        await site.up(job)
    assert (await site.show(storm.id)).unwell_count == 1
    await site.up(jobs[2])
    await site.listed_as("open", "closed")


async def test_one_that_was_merged_leads_to_where_it_goes_on(site):
    ids = []
    for n in (1, 2, 3):
        job = await add(site.world, f"web-{n}", target=f"http://10.9.8.{n}/")
        await site.down(job)
        ids.append(site.incidents.open_of(job).id)
        await asyncio.sleep(0.02)
    # The first became the storm; what the second had is told of there.
    second = await site.world.store.read(
        lambda: (
            connection()
            .execute("SELECT id FROM incident WHERE merged_into <> ''")
            .fetchall()
        )
    )
    assert ids[2] == ids[0]
    assert sorted(row[0] for row in second) != []
    gone = second[0][0]
    assert (await site.show(gone)).merged_into == ids[0]
    with pytest.raises(Conflict, match="goes on as"):
        await site.service.acknowledge(FIRST_ORG, gone, "ann", "")


async def test_a_storm_tells_the_decisions_of_all_that_were_merged_by_member(site):
    jobs, ids = {}, {}
    for n in (1, 2, 3):
        name = f"web-{n}"
        jobs[name] = await add(site.world, name, target=f"http://10.9.8.{n}/")
        await site.down(jobs[name])
        ids[name] = site.incidents.open_of(jobs[name]).id
    storm, explain = ids["web-3"], ExplainService(site.world.coordinator, site.service)
    async with asyncio.timeout(20):
        while len((await explain.incident(FIRST_ORG, storm)).decisions) < 3:
            await asyncio.sleep(0.02)
    told = await explain.incident(FIRST_ORG, storm)
    assert [d.job for d in told.decisions] == ["web-1", "web-2", "web-3"]
    one = await explain.incident(FIRST_ORG, storm, "web-2")
    assert [d.job for d in one.decisions] == ["web-2"]
    assert ids["web-2"] != storm
    old = await explain.incident(FIRST_ORG, ids["web-2"])
    assert (old.incident, [d.job for d in old.decisions]) == (storm, ["web-2"])
    with pytest.raises(NotFound, match="is not in incident"):
        await explain.incident(FIRST_ORG, storm, "no-such")


async def test_who_has_it_already_is_said_and_keeps_the_words(site):
    job = await add(site.world)
    await site.down(job)
    await site.listed_as("open")
    first = await site.service.acknowledge(FIRST_ORG, "web", "ann", "on my way")
    assert first.acknowledged_before == ""
    again = await site.service.acknowledge(FIRST_ORG, "web", "bob", "")
    assert (again.acknowledged_before, again.acknowledged_by) == ("ann", "ann")
    assert again.acknowledged_text == "on my way"
    assert again.acknowledged_at == first.acknowledged_at
    await site.up(job)
    await site.listed_as("closed")
    with site.world.hub.subscribe(FIRST_ORG) as events:
        await site.down(job)
        await site.listed_as("acknowledged")
        told = [e.data for e in await events.take(2) if e.kind == "incident"]
    assert b'"new_since_ack":1' in told[0]
    back = await site.show("web")
    assert (back.new_since_ack, back.members[0].new_since_ack) == (1, True)
    known = await site.service.acknowledge(FIRST_ORG, "web", "bob", "")
    assert (known.new_since_ack, known.acknowledged_by) == (0, "ann")
    assert known.timeline[-1].text == "1 new since"
    taken = await site.service.acknowledge(FIRST_ORG, "web", "bob", "mine")
    assert (taken.acknowledged_by, taken.acknowledged_text) == ("bob", "mine")


@pytest.mark.parametrize("clean", [True, False], ids=["stopped", "killed"])
async def test_open_incidents_outlive_a_restart_and_none_is_doubled(
    site, store, tmp_path, clean
):
    job = await add(site.world, interval_s=600.0, timeout_s=1.0)
    await site.down(job)
    await site.listed_as("open")
    before = await site.show("web")
    if clean:
        await site.world.coordinator.stop("over")
    again = World(store, tmp_path)
    await again.start()
    await asyncio.sleep(0.05)
    coordinator = again.coordinator
    decided = coordinator.incidents.look()
    assert not decided.writes
    (incident,) = coordinator.incidents.all_open(FIRST_ORG)
    assert (incident.id, incident.opened_us) == (
        before.id,
        (await store.read(lambda: stored.one(FIRST_ORG, before.id))).opened_us,
    )
    rows = await store.read(
        lambda: connection().execute("SELECT count(*) FROM incident").fetchone()
    )
    assert rows == (1,)
    after = Site(again)
    after.sent = site.sent
    await after.start()
    for far in after.ends:
        await far.until(lambda f: f.held)
    await after.up(job)
    await after.listed_as("closed")
    await again.close()


async def test_what_is_down_without_an_incident_opens_one_as_of_then(
    site, store, tmp_path
):
    job = await add(site.world, interval_s=600.0, timeout_s=1.0)
    await site.down(job)
    since = site.board.states[job].since
    await site.listed_as("open")
    await site.world.coordinator.stop("over")

    def forget():
        for table in ("incident", "incident_member", "incident_event"):
            connection().execute(f"DELETE FROM {table}")

    await store.write(forget)
    again = World(store, tmp_path)
    await again.start()
    decided = again.coordinator.incidents.look()
    await again.coordinator.intake.note(decided)
    (incident,) = await store.read(lambda: stored.open_now(1 << 62))
    assert incident.opened_us == round(since * 1e6)
    assert not again.coordinator.incidents.look().writes
    await again.close()


async def test_a_job_that_is_stopped_or_removed_keeps_nothing_open(site):
    for name, end in (("web", site.world.service.stop_job), ("dns", None)):
        job = await add(site.world, name)
        await site.down(job)
        if end:
            await end(FIRST_ORG, name, None)
        else:
            await site.world.service.remove_job(FIRST_ORG, name)
        await site.until(lambda job=job: not site.incidents.open_of(job))
    await site.listed_as("closed", "closed")
    kept = await site.listed()
    assert [i.title for i in kept] == ["dns", "web"]


async def test_a_job_that_flaps_says_so_after_a_restart_too(site, store, tmp_path):
    job = await add(site.world, interval_s=5.0, timeout_s=1.0)
    now_us = round(site.world.coordinator.clock.wall() * 1e6)

    def past():
        changes = []
        for number in range(12):
            at_us = now_us - (12 - number) * 5_000_000
            before, after = ("up", "down") if number % 2 == 0 else ("down", "up")
            changes.append(verdicts.Transition(job, at_us, before, after, ""))
        verdicts.log_transitions(changes)

    await store.write(past)
    again = World(store, tmp_path)
    await again.start()
    answer = await again.service.job(FIRST_ORG, "web")
    assert answer.flapping
    assert answer.flap_pct > 30
    await again.close()


async def test_notes_of_its_time_and_its_jobs_are_beside_it(site):
    job = await add(site.world, labels={"app": "x", "env": "prod"})
    notes, now = site.notes, site.world.coordinator.clock.wall()
    texts = [("deployed", {"app": "x"}), ("all", {}), ("other", {"app": "y"})]
    for text, labels in texts:
        await notes.add_note(FIRST_ORG, "ci", NoteSpec(text=text, labels=labels), None)
    long_ago = round((now - 3600) * 1e6)
    await notes.add_note(FIRST_ORG, "ci", NoteSpec(text="old"), long_ago)
    await site.down(job)
    await site.listed_as("open")
    assert [n.text for n in (await site.show("web")).notes] == ["deployed", "all"]


async def test_a_renamed_job_has_its_new_name_and_a_gone_one_its_last(site):
    job = await add(site.world)
    await site.down(job)
    await site.world.service.edit_job(FIRST_ORG, "web", JobPatch(name="shop"))
    assert [i.title for i in await site.listed()] == ["shop"]
    await site.world.service.remove_job(FIRST_ORG, "shop")
    await site.listed_as("closed")
    assert (await site.listed())[0].jobs == ["web"]
