"""A confirmed outage: two workers are asked at once, and the decision is kept."""

import asyncio

from msgspec.structs import replace

from pangea.coordinator.decided import Decided
from pangea.coordinator.evidence import WAITING
from pangea.core.model import FIRST_ORG, Outcome, Verdict
from pangea.core.verdict import JobState, Judgement, Transition
from pangea.mesh.messages import encode_row
from pangea.mesh.probe_messages import AskProbe, ProbeSaid
from pangea.storage import incidents as stored
from tests.coordinator.conftest import row
from tests.coordinator.test_coordinator import WEB, add

GATE, TARGET = "10.8.0.1", "192.0.2.7"


class Witness:
    """Answers what a worker is asked once, as the test says."""

    def __init__(self, far, outcome, *hops, reached=True, status=200):
        self.far, self.outcome, self.asked = far, outcome, 0
        self._walk = {
            "reached": reached,
            "hops": [{"ttl": n, "address": a} for n, a in enumerate(hops, 1)],
        }
        self._page = {"address": TARGET, "status": status}
        self.task = asyncio.create_task(self._serve())

    async def _serve(self):
        seen = 0
        while True:
            await self.far.until(lambda f, n=seen: len(f.heard) > n, 60)
            new, seen = self.far.heard[seen:], len(self.far.heard)
            for message in new:
                if isinstance(message, AskProbe):
                    await self._answer(message)

    async def _answer(self, ask):
        self.asked += 1
        more = {"outcome": self.outcome, "readings": self._page}
        if self.outcome is Outcome.FAILED:
            more["reason"] = "timeout"
        found = encode_row(row(ask.id, **more))
        await self.far.link.send(ProbeSaid(ask.id, found, "", not ask.hops))
        if ask.hops:
            way = encode_row(row(ask.id, readings=self._walk))
            await self.far.link.send(ProbeSaid(ask.id, way))


async def timeline(world, kind, count=1):
    async with asyncio.timeout(20):
        while True:
            lines = await world.store.read(lambda: _lines(kind))
            if len(lines) >= count:
                return lines
            await asyncio.sleep(0.05)


def _lines(kind):
    found, _ = stored.page(FIRST_ORG)
    return [e for i in found for e in stored.timeline(i.id) if e.kind == kind]


async def vote(far, job, outcome, first=1):
    await far.report([row(job, first / 10, outcome=outcome)], first=first)
    await far.until(lambda f: f.acks.get("e") == first)


async def an_outage(world, names=("hel", "nyc"), spec=WEB):
    """Return the job, which all of *names* fail, and their ends."""
    fars = [await world.join(name) for name in names]
    job = await add(world, spec)
    for far in fars:
        await far.until(lambda f: job in f.held)
    return job, fars


async def test_evidence_tells_who_is_cut_where(world):
    job, (hel, nyc) = await an_outage(world, spec=replace(WEB, rule="any"))
    bad = Witness(hel, Outcome.FAILED, GATE, reached=False)
    good = Witness(nyc, Outcome.OK, "10.9.0.1", TARGET)
    await vote(nyc, job, Outcome.OK)
    await vote(hel, job, Outcome.FAILED)
    (line,) = await timeline(world, "evidence")

    assert line.text == f"web: same address; only hel is cut after {GATE}"
    assert line.data["failing"]["hops"] == [[1, [GATE]]]
    assert line.data["healthy"]["status"] == "200"
    assert line.data["parted_at_hop"] == 1
    assert (bad.asked, good.asked) == (1, 1)
    for witness in (bad, good):
        witness.task.cancel()


async def test_if_all_of_its_workers_fail_another_worker_looks(world):
    spec = replace(WEB, on="hel,nyc")
    rome = await world.join("rome")
    job, (hel, nyc) = await an_outage(world, spec=spec)
    witnesses = [
        Witness(hel, Outcome.FAILED, GATE, reached=False),
        Witness(nyc, Outcome.FAILED, GATE, reached=False),
        Witness(rome, Outcome.OK, TARGET),
    ]
    for far in (hel, nyc):
        await vote(far, job, Outcome.FAILED)
    (line,) = await timeline(world, "evidence")
    assert "rome" not in line.text
    assert line.data["healthy"]["worker"] == "rome"
    assert "is cut after 10.8.0.1" in line.text
    assert "only" not in line.text, "the other of its workers fails as well"
    for witness in witnesses:
        witness.task.cancel()


async def test_who_lies_in_its_evidence_harms_nobody(world):
    job, (hel, nyc) = await an_outage(world)
    for far in (hel, nyc):
        await vote(far, job, Outcome.FAILED)
    for far in (hel, nyc):
        await far.until(lambda f: any(isinstance(m, AskProbe) for m in f.heard))
        ask = next(m for m in far.heard if isinstance(m, AskProbe))
        await far.link.send(ProbeSaid(ask.id, b"\xc1" * 9, "", last=False))
    (line,) = await timeline(world, "evidence")
    assert "could not be asked: its answer cannot be taken" in line.text


async def test_the_decision_is_kept_as_it_was(world):
    job, (hel, nyc) = await an_outage(world)
    for far in (hel, nyc):
        await vote(far, job, Outcome.FAILED)
    (line,) = await timeline(world, "explain")

    told = line.data
    assert (told["before"], told["verdict"], told["line"]) == (
        "unknown",
        "down",
        "quorum-failed",
    )
    assert "2 of 2 failed, 2 needed" in line.text
    assert [v["worker"] for v in told["voices"]] == ["hel", "nyc"]
    assert all(v["counts"] and v["vote"] == "failed" for v in told["voices"])

    for number in (2, 3, 4):
        for far in (hel, nyc):
            await vote(far, job, Outcome.OK, first=number)
    lines = await timeline(world, "explain", count=2)
    assert [e.data["verdict"] for e in lines] == ["down", "up"]
    assert lines[1].data["line"] == "quorum-good"
    now = world.coordinator.reasons.explaining.now(world.coordinator.board.jobs[job])
    assert (now.verdict, now.ok) == ("up", 2)


async def test_who_did_not_count_is_told_with_the_reason(world):
    job, (hel, _) = await an_outage(world)
    await world.service.stop_job(FIRST_ORG, "web", "nyc")
    await vote(hel, job, Outcome.OK)
    board = world.coordinator.board
    board.sick[board.worker("hel").id] = "gateway"
    told = world.coordinator.reasons.explaining.now(board.jobs[job])
    voices = {v.worker: v for v in told.voices}
    assert voices["hel"].counts
    assert voices["nyc"].why == "the job is stopped there"
    board.states[job] = replace(board.states[job], votes={})
    told = world.coordinator.reasons.explaining.now(board.jobs[job])
    voices = {v.worker: v for v in told.voices}
    assert voices["hel"].why == "sick: gateway"


def down(job):
    state = JobState(job, verdict=Verdict.DOWN)
    turn = Transition(job, 1, Verdict.UP, Verdict.DOWN, "x")
    return state, Judgement(state, (), turn), Decided()


async def test_what_some_fail_and_others_reach_for_a_while_has_evidence_too(world):
    job = await add(world, WEB)
    gathering = world.coordinator.reasons.gathering
    gathering._news = asyncio.Event()  # whoever waits for the old one sleeps on
    world.coordinator.board.incident_of = lambda job: "abc"
    state = JobState(job, verdict=Verdict.DEGRADED)
    turn = Transition(job, 1, Verdict.UP, Verdict.DEGRADED, "x")
    for line, wanted in (("warned", []), ("partial", [job])):
        judged = Judgement(replace(state, line=line), (), turn)
        gathering.follow(state, judged, Decided())
        assert list(gathering._wanted) == wanted


async def test_a_storm_gathers_a_sample_and_a_drill_nothing(world):
    jobs = [await add(world, replace(WEB, name=f"web-{n}")) for n in range(WAITING + 9)]
    gathering, board = world.coordinator.reasons.gathering, world.coordinator.board
    gathering._news = asyncio.Event()  # whoever waits for the old one sleeps on
    gathering.follow(*down(jobs[0]))
    assert not gathering._wanted, "it has no incident: it is suppressed"
    board.incident_of = lambda job: "abc"
    for job in (*jobs, *jobs):
        gathering.follow(*down(job))
    assert len(gathering._wanted) == WAITING
    assert gathering.left_out >= 9
    gathering._wanted.clear()
    board.drills = {jobs[0]: None}
    gathering.follow(*down(jobs[0]))
    assert not gathering._wanted


async def test_an_incident_that_opens_later_has_its_decision_and_evidence(world):
    incidents = world.coordinator.incidents
    incidents.suppressed = lambda job, at: "its parent is down"
    job, fars = await an_outage(world)
    witnesses = [Witness(far, Outcome.FAILED, GATE, reached=False) for far in fars]
    for far in fars:
        await vote(far, job, Outcome.FAILED)
    assert world.coordinator.board.states[job].verdict is Verdict.DOWN
    assert not incidents.known
    incidents.suppressed = lambda job, at: ""
    (decided,) = await timeline(world, "explain")
    assert decided.data["line"] == "quorum-failed"
    (found,) = await timeline(world, "evidence")
    assert "both fail alike" in found.text
    for witness in witnesses:
        witness.task.cancel()
