"""What is not simply probing says so, wherever a worker or its cell is shown."""

import pytest

from pangea.coordinator.maintenance_service import MaintenanceService
from pangea.core.errors import UsageError
from pangea.core.model import FIRST_ORG
from pangea.web.api_maintenance import MaintenanceSpec
from pangea.web.view import add_command


async def watched(world):
    """Return the job web, and the worker that probes it."""
    added = await world.service.add_job(
        FIRST_ORG, world.spec(name="web", slo=99.9, labels={"app": "x"}), dry_run=False
    )
    far = await world.join("hel")
    await far.until(lambda f: added.job.id in f.held)
    return added.job, world.coordinator.board.worker("hel", FIRST_ORG)


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        ("gateway 10.0.0.1", "unwell: gateway 10.0.0.1"),
        ("isolated: fails 3 of 3 that others reach",) * 2,
    ],
)
async def test_the_cell_of_an_unwell_worker_says_why(world, cause, words):
    _, worker = await watched(world)
    world.coordinator.board.sick[worker.id] = cause

    (cell,) = (await world.service.job(FIRST_ORG, "web")).votes
    assert (cell.state, cell.outcome, cell.detail) == ("sick", None, words)


async def test_the_command_of_a_job_has_its_promise_and_its_labels(world):
    job, _ = await watched(world)

    assert "--slo 99.9 --label app=x" in add_command(job)


async def test_a_worker_in_maintenance_is_told_and_its_jobs_are_counted(world):
    await watched(world)
    desk = MaintenanceService(world.coordinator)
    plan = await desk.add(
        FIRST_ORG, "ann", MaintenanceSpec(workers=["hel"], duration_s=60.0)
    )

    assert (plan.covers, plan.state) == (1, "active")
    (cell,) = (await world.service.job(FIRST_ORG, "web")).votes
    assert cell.state == "maintenance"
    assert (await world.service.status(FIRST_ORG)).workers_resting == 1
    ended = await desk.end(FIRST_ORG, plan.id)
    assert (ended.state, ended.start) == ("over", plan.start)
    assert ended.until is not None
    assert ended.until < plan.until


async def test_what_ends_before_it_begins_is_called_so(world):
    desk = MaintenanceService(world.coordinator)
    spec = MaintenanceSpec(
        labels={"a": "b"}, start="2027-02-02T00:00:00Z", until="2027-02-01T00:00:00Z"
    )
    with pytest.raises(UsageError, match="it ends before it begins"):
        await desk.add(FIRST_ORG, "ann", spec)
