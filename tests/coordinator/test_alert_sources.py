"""What people are told beside incidents: once, and that it is over."""

from datetime import UTC, datetime

import pytest

from pangea.coordinator import alert_sources
from pangea.coordinator.alert_occurrences import MOST_WAITING, Occurrences
from pangea.coordinator.alert_service import RuleService
from pangea.coordinator.decided import Decided
from pangea.core.liveness import Doubt
from pangea.core.model import Flag, Gap
from pangea.probes.certificates import Facts
from pangea.probes.tls_readings import certificate_told
from pangea.storage import alerts
from pangea.web.schema_alerts import RulePatch
from tests.coordinator.conftest import CLOCK, row
from tests.coordinator.pager import Site, channel, install


@pytest.fixture
def pager(monkeypatch):
    for name in ("LOST_S", "ISOLATED_S", "UNKNOWN_S", "WELL_S", "LOOK_S"):
        monkeypatch.setattr(alert_sources, name, 0.0)
    return install(monkeypatch)


@pytest.fixture
def paging(world):
    return world.coordinator.alerting.paging


def expires_in(days):
    at = datetime.fromtimestamp(CLOCK.wall() + days * 86400.0, UTC)
    return {"chain_earliest_expiry": at.isoformat(), "fingerprint_sha256": "ab" * 32}


async def test_a_certificate_is_told_at_21_14_7_and_1_days_and_once_each(
    world, pager, paging
):
    await channel(world)
    site = await Site.begin(world, jobs=2)
    seen = paging.occurrences
    for left in (30, 20, 15, 13, 6.5, 0.5):
        for job in site.jobs:
            seen._certificate_at.clear()
            seen.hear([row(job, 0.0, readings=expires_in(left))])
        seen.keep(Decided())
        await seen.look()
    await paging._look()
    told = await pager.until(1)
    items = [i for m in told for i in m.data.get("items", [m.data])]
    # Each of these is a certificate of its own, and two jobs see it.
    assert [i["reason"] for i in items] == [
        "expires in 20 days",
        "expires in 15 days",
        "expires in 13 days",
        "expires in 6 days",
        "expires in 12 hours",
    ]
    assert {m.kind for m in told} == {"certificate"}


async def test_the_same_certificate_is_told_again_only_when_less_is_left(
    world, pager, paging
):
    await channel(world)
    site = await Site.begin(world)
    (job,) = site.jobs
    readings = expires_in(20)
    for _ in range(3):
        paging.occurrences._certificate_at.clear()
        paging.occurrences._told.clear()
        paging.occurrences.hear([row(job, 0.0, readings=readings)])
        await paging._look()
    (told,) = await pager.until(1)
    assert (told.severity, told.data["reason"]) == ("warning", "expires in 20 days")
    assert ": the certificate expires in 20 days, it holds until 2" in told.text
    assert "since" not in told.text
    assert pager.kinds() == ["certificate"]


async def test_a_certificate_is_told_to_the_first_channel_there_is_and_once(
    world, pager, paging
):
    site = await Site.begin(world, jobs=2)

    async def seen(readings):
        for job in site.jobs:
            paging.occurrences.hear([row(job, 0.0, readings=readings)])
        await paging._look()

    readings = told_by_probe(20)
    await seen(readings)
    await channel(world)
    await seen(readings)
    (told,) = await pager.until(1)
    assert told.data["reason"] == "expires in 20 days"
    await channel(world, "more", "2")
    await seen(readings)
    assert not paging.book.has_more
    assert pager.kinds() == ["certificate"]


def told_by_probe(days):
    """Return what any probe tells of a certificate that ends after so many days."""
    now = CLOCK.wall()
    facts = Facts(
        subject="shop",
        issuer="CA",
        issuer_name="CN=CA",
        san=("shop",),
        san_count=1,
        not_before=now,
        not_after=now + days * 86400.0,
        key="EC",
        bits=256,
        signature="sha256",
        fingerprint="ab" * 32,
        self_signed=False,
        for_servers=True,
        issuer_can_be_fetched=False,
        must_staple=False,
    )
    return certificate_told([facts], [], 1, now)


async def test_a_change_that_many_see_is_one(world, pager, paging):

    await channel(world)
    await RuleService(world.coordinator).edit(
        1, "default", RulePatch(kinds=["changed"], severity="info")
    )
    site = await Site.begin(world)
    (job,) = site.jobs
    changed = {"changed": {"answers": {"before": "192.0.2.1", "after": "192.0.2.9"}}}
    rows = [row(job, 0.0, flags=int(Flag.CHANGED), readings=changed) for _ in range(3)]
    paging.occurrences.hear(rows)
    await paging._look()
    (told,) = await pager.until(1)
    assert told.kind == "changed"
    assert "before: 192.0.2.1" in told.text
    assert "now:    192.0.2.9" in told.text


async def test_a_worker_that_is_lost_and_back(world, pager, paging):
    await channel(world)
    site = await Site.begin(world)
    coordinator, far = world.coordinator, site.ends[0]
    number = next(w.id for w in coordinator.board.workers.values() if w.name == "a")
    await far.link.close()
    await site.until(lambda: number not in coordinator.board.connected)
    coordinator.watch.sights[number] = coordinator.watch.sights[number].__class__(
        "lost", 0.0
    )
    await paging._look()
    (lost,) = await pager.until(1)
    assert (lost.kind, lost.severity, lost.data["worker"]) == (
        "worker-lost",
        "warning",
        "a",
    )
    coordinator.board.connected.add(number)
    await paging._look()
    back = (await pager.until(2))[1]
    assert (back.kind, back.data["settles"]) == ("worker-back", [lost.thread])


async def test_this_coordinator_cut_off_and_its_database_refusing(world, pager, paging):
    await channel(world)
    coordinator = world.coordinator
    coordinator.watch.doubt = Doubt(CLOCK.monotonic(), frozenset({1, 2}))
    coordinator.intake.trouble = "the disk is full"
    decided = Decided()
    await paging.sources.look()
    paging.before(decided)
    coordinator.watch.doubt, coordinator.intake.trouble = None, ""
    await coordinator.intake.note(decided)
    told = await pager.until(2)
    assert {m.kind for m in told} == {"coordinator-isolated", "storage"}
    assert {m.severity for m in told} == {"critical"}
    await paging._look()
    over = await pager.until(4)
    assert [m.kind for m in over[2:]] == ["recovered", "recovered"]


async def test_results_that_a_worker_lost(world, pager, paging):
    await channel(world)
    site = await Site.begin(world)
    await paging.occurrences._look_at_gaps()
    first = site.sent[0] + 1
    lost = Gap(first, first + 41, 1, 2, "the disk is full", {site.jobs[0]: 42})
    await site.ends[0].report([], first=first + 42, gaps=[lost])
    await site.until(lambda: site.ends[0].acks.get("e", 0) >= first + 41)
    await paging.occurrences._look_at_gaps()
    await paging._look()
    (told,) = await pager.until(1)
    assert told.kind == "gap"
    assert told.data["reason"] == "42 results are lost: the disk is full"


async def test_a_job_of_which_nobody_can_tell(world, pager, paging):
    await channel(world)
    beat = world.spec(name="beat", type="heartbeat", target="nightly")
    await world.service.add_job(1, beat, dry_run=False)
    await world.service.add_job(1, world.spec(name="lonely"), dry_run=False)
    await paging._look()
    (told,) = await pager.until(1)
    assert (told.kind, told.data["job"]) == ("unknown", "lonely")


async def test_what_is_heard_is_written_with_its_result(world, pager, paging):
    site = await Site.begin(world)
    said = {"changed": {"etag": {"before": "a", "after": "b"}}}
    told = row(site.jobs[0], 0.0, readings=said, flags=int(Flag.CHANGED))
    paging.occurrences.hear([told])
    decided = Decided()
    paging.before(decided)
    assert paging.book.alerts == {}
    await world.store.write(lambda: [write() for write in decided.writes])
    (kept,) = await world.store.read(alerts.going_on)
    assert kept.notice.kind == "changed"
    # Nobody wants it: once it was looked at nothing of it stays.
    await paging._look()
    assert await world.store.read(alerts.going_on) == []


async def test_who_tells_very_much_holds_up_nobody(world, pager, paging, caplog):
    site, occurrences = await Site.begin(world), paging.occurrences
    reads = []

    async def read(fn, read=world.store.read):
        reads.append(fn)
        return await read(fn)

    def told(number):
        how = {"before": "a", "after": f"{number}"}
        said = {"changed": {f"{n}": how for n in range(5)}}
        return row(site.jobs[0], 0.0, readings=said, flags=int(Flag.CHANGED))

    occurrences.hear([told(number) for number in range(MOST_WAITING + 7)])
    await occurrences._look_at_gaps()
    occurrences._gaps_at = CLOCK.monotonic()
    world.store.read, kept = read, len(occurrences._waiting)
    for _ in range(20):
        decided = Decided()
        occurrences.keep(decided)
        assert kept - len(occurrences._waiting) <= 200
        kept = len(occurrences._waiting)
    assert len(occurrences._heard) < 2100
    await occurrences.look()
    assert len(reads) == 1
    assert len(paging.book.alerts) == 500
    await occurrences.look()
    assert [line.message for line in caplog.records if "results told" in line.msg] == [
        "7 results told too much at once: nobody hears"
    ]


async def test_gaps_are_told_that_came_while_nobody_looked(world, pager, paging):
    await channel(world)
    site = await Site.begin(world)
    await paging.occurrences._look_at_gaps()
    first = site.sent[0] + 1
    lost = Gap(first, first, 1, 2, "the disk is full", {site.jobs[0]: 1})
    await site.ends[0].report([], first=first + 1, gaps=[lost])
    await site.until(lambda: site.ends[0].acks.get("e", 0) >= first)
    again = Occurrences(world.coordinator, paging.book)
    await again._look_at_gaps()
    assert [key.partition("/")[0] for key in paging.book.alerts] == ["gap"]
