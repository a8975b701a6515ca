"""Credentials in headers: masked for people, sealed at rest, whole for the worker."""

import pytest

from pangea.core.credentials import MASK
from pangea.core.model import FIRST_ORG
from pangea.storage import jobs
from pangea.web.schema import JobPatch


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "hunter2", "Accept": "x"},
        ["Authorization: hunter2", "Accept: x"],
        "Authorization: hunter2,Accept: x",
    ],
)
async def test_a_header_with_a_credential_is_seen_by_the_worker_alone(
    world, store, headers
):
    far = await world.join("hel")
    await world.members.approve(FIRST_ORG, "hel", "ada")
    spec = world.spec(name="web", options={"headers": headers})
    added = await world.service.add_job(FIRST_ORG, spec, dry_run=False)
    await far.until(lambda f: added.job.id in f.held)

    shown = added.job.options["headers"]
    assert "hunter2" not in repr(shown)
    assert "Accept" in repr(shown)
    assert far.held[added.job.id].options["headers"] == headers
    assert "hunter2" not in repr(await store.read(jobs.all))

    patch = JobPatch(options={"headers": shown, "method": "HEAD"})
    await world.service.edit_job(FIRST_ORG, "web", patch)
    (again,) = await world.coordinator.jobs.all()
    assert again.options["method"] == "HEAD"
    assert "hunter2" in repr(again.options["headers"])
    assert MASK not in repr(again.options["headers"])


async def test_a_header_called_like_a_seal_is_no_seal(world):
    options = {"headers": {"$sealed": "x"}}
    spec = world.spec(name="web", options=options)
    await world.service.add_job(FIRST_ORG, spec, dry_run=False)

    (stored,) = await world.coordinator.jobs.all()
    assert stored.options == options
