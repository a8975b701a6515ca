"""Jobs out, results in: what a coordinator says to its workers and what it keeps."""

import asyncio

import pytest
from msgspec.structs import replace

from pangea.coordinator.dispatch import BACKLOG
from pangea.core.errors import Conflict, NotFound, ProtocolError, UsageError
from pangea.core.model import FIRST_ORG, Flag, Gap, Outcome, Verdict
from pangea.core.options import MASK
from pangea.core.phase import base_phase
from pangea.mesh.messages import RunNow
from pangea.storage import ingest, jobs
from pangea.web.schema import JobPatch, JobSpec
from tests.coordinator.conftest import World, row
from tests.engines import BOTH

pytestmark = pytest.mark.engines(*BOTH)

WEB = JobSpec(type="http", target="http://127.0.0.1:9/", name="web", interval_s=30.0)


async def add(world, spec=WEB, **more):
    added = await world.service.add_job(FIRST_ORG, spec, dry_run=False, **more)
    return added.job.id


async def verdict(world, name="web"):
    return (await world.service.job(FIRST_ORG, name)).verdict


async def stored(world, name="web"):
    page = await world.service.results(
        FIRST_ORG,
        name,
        worker=None,
        since_us=None,
        until_us=None,
        limit=100,
        cursor=None,
    )
    return page.items


async def test_large_jobs_reach_their_workers_in_as_many_messages_as_it_takes(world):
    for number in range(20):
        options = {"method": "POST", "body": "x" * 65_536}
        await add(world, world.spec(name=f"large-{number}", options=options))
    far = await world.join("hel")
    await far.until(lambda f: len(f.held) == 20)


async def test_a_job_reaches_its_workers_at_once_and_is_run_at_once(world):
    far = await world.join("hel")
    job = await add(world)
    await far.until(lambda f: f.runs and job in f.held)

    assert far.held[job].target == WEB.target
    assert far.held[job].phase_s == pytest.approx(base_phase(job, 30.0))
    assert far.runs[0].delay_s == 0.0


async def test_a_worker_that_joins_later_moves_the_phases_apart(world):
    first = await world.join("hel")
    job = await add(world)
    second = await world.join("nyc")
    await second.until(lambda f: job in f.held)
    await first.until(lambda f: len(f.held) == 1)

    phases = sorted([first.held[job].phase_s, second.held[job].phase_s])
    assert phases[1] - phases[0] == pytest.approx(15.0)


async def test_edit_stop_start_and_remove_reach_the_worker(world):
    far = await world.join("hel")
    job = await add(world)
    await far.until(lambda f: job in f.held)
    await world.service.edit_job(FIRST_ORG, "web", JobPatch(interval_s=60.0))
    await far.until(lambda f: f.held[job].interval_s == 60.0)

    stopped = await world.service.stop_job(FIRST_ORG, "web", None)
    await far.until(lambda f: job not in f.held)
    assert stopped.verdict == "paused"
    await world.service.start_job(FIRST_ORG, "web", None)
    await far.until(lambda f: job in f.held)
    await world.service.stop_job(FIRST_ORG, "web", "hel")
    await far.until(lambda f: job not in f.held)
    answer = await world.service.start_job(FIRST_ORG, "web", None)
    await far.until(lambda f: job in f.held)
    assert [v.state for v in answer.votes] == ["waiting"]

    await world.service.remove_job(FIRST_ORG, "web")
    await far.until(lambda f: job not in f.held)
    with pytest.raises(NotFound):
        await world.service.job(FIRST_ORG, "web")


async def test_a_job_that_is_stopped_on_every_worker_is_paused_and_says_so(world):
    far = await world.join("hel")
    job = await add(world)
    await far.until(lambda f: job in f.held)
    await far.report([row(job, outcome=Outcome.FAILED, reason="refused")])
    await far.until(lambda f: f.acks.get("e") == 1)
    stopped = await world.service.stop_job(FIRST_ORG, "web", "hel")

    assert (stopped.enabled, stopped.verdict) == (True, "paused")
    assert stopped.verdict_reason == "stopped"


async def test_the_last_duration_is_that_of_the_latest_good_vote(world):
    one, two = await world.join("hel"), await world.join("nyc")
    job = await add(world)
    last = []
    for number, far, outcome, took in (
        (1, one, Outcome.FAILED, 9000.0),
        (2, one, Outcome.OK, 20.0),
        (1, two, Outcome.FAILED, 9000.0),
        (2, two, Outcome.OK, 30.0),
        (3, one, Outcome.FAILED, 9000.0),
        (3, two, Outcome.FAILED, 9000.0),
    ):
        at = len(last) / 10
        rows = [row(job, at, outcome=outcome, duration_ms=took)]
        await far.report(rows, first=number)
        await far.until(lambda f, n=number: f.acks.get("e") == n)
        last.append((await world.service.job(FIRST_ORG, "web")).last_duration_ms)

    assert last == [None, 20.0, 20.0, 30.0, 30.0, None]


async def test_history_begins_when_the_job_was_added(world):
    await world.join("hel")
    await add(world)
    ask = world.service.history
    young = await ask(FIRST_ORG, "web", range_s=3600, points=10, worker=None)
    assert young.added_at is not None
    assert young.added_at > young.points[0].at


async def test_a_worker_gets_only_what_it_can_run_and_the_cell_says_why(world):
    far = await world.join("hel", lacks={"http": "no\x1b[2J right"})
    job = await add(world)
    await asyncio.sleep(0.05)
    answer = await world.service.job(FIRST_ORG, "web")

    assert job not in far.held
    assert [(v.state, v.detail) for v in answer.votes] == [
        ("refused", "no\\x1b[2J right")
    ]


async def test_results_are_judged_stored_acknowledged_and_told(world):
    far = await world.join("hel")
    job = await add(world)
    with world.hub.subscribe(FIRST_ORG) as stream:
        await far.report([row(job), row(job, 0.1, readings={"status": 200})])
        await far.until(lambda f: f.acks.get("e") == 2)
        events = await stream.take(1.0)

    assert await verdict(world) == "up"
    assert [r.readings for r in await stored(world)] == [{"status": 200}, {}]
    assert {e.kind for e in events} == {"result", "verdict"}


async def test_what_is_sent_twice_is_kept_once(world):
    far = await world.join("hel")
    job = await add(world)
    rows = [row(job, n / 10) for n in range(4)]
    await far.report(rows[:3])
    await far.until(lambda f: f.acks.get("e") == 3)
    await far.leave()
    again = await world.join("hel")

    assert again.welcome.watermarks == {"e": 3}
    await again.report(rows, first=1)
    await again.until(lambda f: f.acks.get("e") == 4)
    assert len(await stored(world)) == 4


async def test_a_hole_ends_the_link_and_a_gap_fills_it(world):
    far = await world.join("hel")
    job = await add(world)
    await far.report([row(job)], first=3)
    await far.until(lambda f: isinstance(f.heard[-1], ProtocolError))
    assert await stored(world) == []

    again = await world.join("hel")
    gap = Gap(1, 2, 0, 1, "buffer overflow", {job: 2})
    await again.report([row(job)], first=3, gaps=[gap])
    await again.until(lambda f: f.acks.get("e") == 3)
    worker = world.coordinator.board.worker("hel").id
    gaps = await world.store.read(lambda: ingest.gaps(worker))
    assert [(e, g.first, g.last, g.counts) for e, g in gaps] == [("e", 1, 2, {job: 2})]


async def test_a_bad_row_is_set_aside_and_the_others_are_kept(world):
    far = await world.join("hel")
    job = await add(world)
    bad = b"\x91\xa3bad"
    await far.report([row(job), bad, row(job, 0.1)])
    await far.until(lambda f: f.acks.get("e") == 3)

    assert len(await stored(world)) == 2


async def test_an_impossible_time_becomes_now_and_is_flagged(world):
    far = await world.join("hel")
    job = await add(world)
    year_2090 = 64 * 365 * 86400.0
    await far.report([row(job, year_2090), row(job, -year_2090 / 2)])
    await far.until(lambda f: f.acks.get("e") == 2)

    for result in await stored(world):
        assert "clamped" in result.flags
        assert result.started_at[:4] != "2090"
    assert Flag.CLAMPED


async def test_the_offset_of_the_link_corrects_the_worker_clock(world):
    far = await world.join("hel")
    job = await add(world)
    await far.report([row(job, -3600.0)], offset_us=3_600_000_000)
    await far.until(lambda f: f.acks.get("e") == 1)

    (result,) = await stored(world)
    answer = await world.service.job(FIRST_ORG, "web")
    assert result.flags == []
    assert answer.verdict == "up"


async def test_a_single_worker_confirms_by_itself_before_it_is_down(world):
    far = await world.join("hel")
    job = await add(world)
    await far.report([row(job, -9)])
    await far.until(lambda f: f.acks.get("e") == 1)
    for number, at in enumerate((-8, -7.9, -6.8, -1.7)):
        await far.report([row(job, at, Outcome.FAILED)], first=2 + number)
        await far.until(lambda f, n=number: f.acks.get("e") == 2 + n)
        want = "up" if number < 3 else "down"
        assert await verdict(world) == want

    waits = [0.0, 0.0, 1.0, 5.0]
    assert [r.delay_s for r in far.runs] == pytest.approx(waits, abs=0.25)


async def test_verdicts_and_watermarks_survive_a_restart(world, store, tmp_path):
    far = await world.join("hel")
    job = await add(world)
    await far.report([row(job)])
    await far.until(lambda f: f.acks.get("e") == 1)
    gone = await add(world, JobSpec(type="tcp", target="127.0.0.1:7", name="gone"))
    for number in (2, 3):
        failed = row(gone, number / 10, Outcome.FAILED, detail="nobody is there")
        await far.report([failed], first=number)
        await far.until(lambda f, n=number: f.acks.get("e") == n)
    await far.leave()

    again = World(store, tmp_path)
    await again.start()
    assert (await again.service.job(FIRST_ORG, "web")).verdict == "up"
    (vote,) = (await again.service.job(FIRST_ORG, "gone")).votes
    assert (vote.reason, vote.detail) == ("refused", "nobody is there")
    back = await again.join("hel")
    assert back.welcome.watermarks == {"e": 3}
    assert again.service.recent(FIRST_ORG, job, 10) == [5.0]
    await again.close()


async def test_an_unknown_job_or_an_error_gives_no_vote(world):
    far = await world.join("hel")
    job = await add(world)
    await far.report([row(999), row(job, outcome=Outcome.ERROR)])
    await far.until(lambda f: f.acks.get("e") == 2)

    assert await verdict(world) == "unknown"


async def test_names_are_unique_and_defaults_make_way(world):
    bare = JobSpec(type="http", target="http://127.0.0.1:9/")
    first = await world.service.add_job(FIRST_ORG, bare, dry_run=False)
    second = await world.service.add_job(FIRST_ORG, bare, dry_run=False)

    assert (first.job.name, second.job.name) == (
        "http-127.0.0.1-9",
        "http-127.0.0.1-9-2",
    )
    taken = JobPatch(name=first.job.name)
    with pytest.raises(Conflict):
        await world.service.edit_job(FIRST_ORG, second.job.name, taken)
    renamed = await world.service.edit_job(
        FIRST_ORG, second.job.name, JobPatch(name="other")
    )
    assert renamed.id == second.job.id


async def test_a_dry_run_stores_nothing(world):
    answer = await world.service.add_job(FIRST_ORG, WEB, dry_run=True)

    assert answer.dry_run
    assert await world.service.jobs(FIRST_ORG) == []


async def test_what_passes_the_budget_names_the_number_to_change(world):
    for name in ("a", "b", "c"):
        await world.join(name)
    greedy = JobSpec(type="http", target="http://127.0.0.1:9/", interval_s=0.1)
    soft = JobSpec(type="http", target="http://127.0.0.1:9/", interval_s=0.5)

    with pytest.raises(UsageError):
        await add(world, greedy)
    assert await add(world, soft)


async def test_status_says_what_to_do_next(world):
    alone = await world.service.status(FIRST_ORG)
    await world.join("hel")
    joined = await world.service.status(FIRST_ORG)

    await add(world)
    board = world.coordinator.board
    (job,) = board.states
    board.states[job] = replace(board.states[job], verdict=Verdict.DOWN)
    down = await world.service.status(FIRST_ORG)

    assert down.next == "see why: pangea job show web"
    assert alone.trouble
    assert "worker" in alone.next
    assert joined.trouble == []
    assert "job add" in joined.next
    assert (joined.workers, joined.workers_connected) == (1, 1)


async def test_a_secret_is_masked_for_people_sealed_at_rest_and_whole_for_the_worker(
    world, store, tmp_path, locked
):
    far = await world.join("hel", probes=("locked",))
    await world.members.approve(FIRST_ORG, "hel", "ada")
    options = {"user": "ada", "password": "hunter2"}
    spec = JobSpec(type="locked", target="x", name="safe", options=options)
    added = await world.service.add_job(FIRST_ORG, spec, dry_run=False)
    await far.until(lambda f: added.job.id in f.held)

    assert added.job.options == {"user": "ada", "password": MASK}
    assert far.held[added.job.id].options == options
    rows = await store.read(jobs.all)
    assert "hunter2" not in repr(rows)
    for file in tmp_path.glob("pangea.db*"):
        assert b"hunter2" not in file.read_bytes()

    patch = JobPatch(options={"user": "eve", "password": MASK})
    await world.service.edit_job(FIRST_ORG, "safe", patch)
    await far.until(lambda f: f.held[added.job.id].options["user"] == "eve")
    assert far.held[added.job.id].options["password"] == "hunter2"
    (stored_again,) = await world.coordinator.jobs.all()
    assert stored_again.options["password"] == "hunter2"


async def test_a_worker_that_takes_nothing_loses_its_link_and_harms_nobody(world):
    far = await world.join("hel")
    job = await add(world)
    outbox = world.coordinator.dispatch.outboxes[far.welcome.worker]
    for _ in range(BACKLOG + 10):
        outbox.say(RunNow(job))
    await far.until(lambda f: isinstance(f.heard[-1], ProtocolError))

    assert (await world.service.job(FIRST_ORG, "web")).votes[0].state == "suspect"


async def test_what_others_know_to_be_wrong_is_in_the_status(world):
    said = ["the TLS certificate of this server ends 2030-01-01"]
    world.service.troubles.append(lambda: said)
    assert said[0] in (await world.service.status(FIRST_ORG)).trouble
    said.clear()
    status = await world.service.status(FIRST_ORG)
    assert not any("certificate" in line for line in status.trouble)
