"""The history that the coordinator tells of what workers reported."""

import pytest

from pangea.coordinator.past_service import PastService
from pangea.core.model import FIRST_ORG
from pangea.core.uptime import Span
from pangea.storage import rollups
from pangea.web.schema import JobSpec
from tests.coordinator.conftest import CLOCK, row

WEB = JobSpec(type="http", target="http://127.0.0.1:9/", name="web", interval_s=30.0)


async def test_history_tells_the_loss_of_packets_and_the_means_of_phases(world):
    far = await world.join("hel")
    job = (await world.service.add_job(FIRST_ORG, WEB, dry_run=False)).job.id
    phases = [{"connect": 10.0, "tls": 20.0}, {"connect": 12.0, "tls": 20.0}]
    readings = [{"sent": 5, "received": 5}, {"sent": 5, "received": 4}]
    rows = [
        row(job, n / 10 - 1, phases=p, readings=r)
        for n, (p, r) in enumerate(zip(phases, readings, strict=True))
    ]
    await far.report(rows)
    await far.until(lambda f: f.acks.get("e") == 2)

    async def told(range_s, points):
        found = await world.service.history(
            FIRST_ORG, "web", range_s=range_s, points=points, worker="hel"
        )
        return [(p.ok, p.loss_pct, p.phases_ms) for p in found.points if p.ok]

    wanted = [(2, 10.0, {"connect": 11.0, "tls": 20.0})]
    assert await told(86400, 24) == wanted
    await rollups.fold(world.store, world.coordinator.buckets)
    assert await told(86400, 24) == wanted
    whole = await world.service.history(
        FIRST_ORG, "web", range_s=3600, points=10, worker=None
    )
    past = PastService(world.coordinator, world.service)
    until = round(CLOCK.wall() * 1e6)
    same = await past.uptime(FIRST_ORG, "web", Span(until - 3_600_000_000, until))
    assert whole.coverage == pytest.approx(same.coverage, abs=0.2)
    assert whole.coverage == 1.0
    fine = await told(600, 20)
    assert sum(ok for ok, _, _ in fine) == 2
    assert fine[-1][2]["tls"] == 20.0


async def test_steps_are_as_wide_as_was_asked_at_any_moment(world):
    await world.service.add_job(FIRST_ORG, WEB, dry_run=False)
    # A stretch touches a second more than it is long, unless it ends with one.
    for end_us in (1_800_000_000_000_000, 1_800_000_000_123_456):
        for range_s, points, step_s in (
            (86400, 144, 600),
            (673 * 3600, 673, 3600),
            (30 * 86400, 30, 86400),
            (86400, 143, 1200),
        ):
            found = await world.service.history(
                FIRST_ORG,
                "web",
                range_s=range_s,
                points=points,
                worker=None,
                until_us=end_us,
            )
            assert found.step_s == step_s
