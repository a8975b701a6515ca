"""What a worker lost is told, by the names of its jobs and newest first."""

import pytest

from pangea.coordinator.gap_service import GapService
from pangea.core.errors import NotFound, UsageError
from pangea.core.model import Gap
from pangea.mesh.messages import Batch, Heartbeat, HeartbeatAck
from pangea.web.api import Paging

T = 1_700_000_000_000_000


@pytest.fixture
async def far(world):
    return await world.join("york")


async def told(far, *gaps, epoch="e"):
    await far.link.send(Batch(epoch, gaps[0].first, (), gaps, 0))
    await far.until(lambda f: f.acks.get(epoch) == gaps[-1].last)


async def test_gaps_are_told_newest_first_in_pages(world, far):
    await world.service.add_job(1, world.spec(name="web"), dry_run=False)
    (number,) = world.coordinator.board.jobs
    counts = {number: 2, 0: 5, 99_999: 1}
    await told(far, Gap(1, 3, T, T + 1_000_000, "disk full", counts))
    await told(far, Gap(4, 4, 0, 1 << 61, "coordinator restored", {}))
    gaps = GapService(world.coordinator)
    page = await gaps.gaps(1, "york", Paging(limit=1))
    (newest,) = page.items
    assert (newest.lost, newest.reason, newest.jobs) == (1, "coordinator restored", {})
    assert (newest.started, newest.ended) == (None, None)
    page = await gaps.gaps(1, "york", Paging(limit=1, cursor=page.next))
    (oldest,) = page.items
    assert (oldest.lost, oldest.reason, oldest.jobs) == (3, "disk full", {"web": 2})
    assert oldest.started == "2023-11-14T22:13:20.000000Z"
    assert oldest.ended == "2023-11-14T22:13:21.000000Z"
    assert page.next is None


@pytest.mark.parametrize("cursor", ["x", "-1", "1" * 40, "", "²"])
async def test_a_cursor_that_is_none_is_refused(world, far, cursor):
    with pytest.raises(UsageError, match="no cursor"):
        await GapService(world.coordinator).gaps(1, "york", Paging(cursor=cursor))


async def test_nobody_sees_gaps_of_another_organisation(world, far):
    with pytest.raises(NotFound):
        await GapService(world.coordinator).gaps(2, "york", Paging())


async def test_a_worker_tells_how_sure_its_clock_is_and_when_it_jumps(world, far):
    with world.hub.subscribe(1, None) as events:
        await far.link.send(
            Heartbeat(1, offset_us=2000, rtt_us=600, error_us=900, stepped_ms=-5000)
        )
        await far.until(lambda f: any(isinstance(m, HeartbeatAck) for m in f.heard))
        (event,) = await events.take(1)
    assert event.kind == "worker"
    assert event.data == b'{"worker":"york","clock_set_ms":-5000,"slept_ms":0}'
    worker = await world.members.worker(1, "york")
    assert (worker.offset_ms, worker.offset_error_ms) == (2.0, 0.9)
    await far.link.send(Heartbeat(2, offset_us=2000, rtt_us=600))
    await far.until(lambda f: sum(isinstance(m, HeartbeatAck) for m in f.heard) == 2)
    worker = await world.members.worker(1, "york")
    assert worker.offset_error_ms == 0.3
