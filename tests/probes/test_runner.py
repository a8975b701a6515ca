import asyncio
import errno
from typing import ClassVar

import pytest

from pangea.core.failure import ProbeError, ProbeFailed
from pangea.core.model import Flag, Outcome, VoteValue
from pangea.probes.base import Trace, make_probe
from pangea.probes.runner import run_once
from pangea.probes.tools import Tools


class StoppedClock:
    def wall(self):
        return 1_000_000.25

    def monotonic(self):
        return 0.0

    def boot(self):
        return 0.0


class Scripted:
    """A probe that does what the test says."""

    type: ClassVar[str] = "scripted"

    def __init__(self, act):
        self.act = act

    async def run(self, trace, tools):
        await self.act(trace)


class SetClock(StoppedClock):
    """A wall clock that is set in the middle of a run."""

    set_by = 0.0

    def wall(self):
        return super().wall() + self.set_by


async def run(act, timeout_s=1.0, clock=None):
    return await run_once(
        Scripted(act), Tools(), clock or StoppedClock(), job=7, timeout_s=timeout_s
    )


def raising(error):
    async def act(trace):
        raise error

    return act


@pytest.mark.parametrize("step", [300.0, -7200.0])
async def test_a_clock_that_is_set_during_a_run_makes_it_no_longer_ago(step):
    clock = SetClock()

    async def act(trace):
        clock.set_by = step

    result = await run(act, clock=clock)
    assert result.started_at_us == clock.wall() * 1e6


async def test_a_good_run_says_when_and_how_long():
    async def act(trace):
        with trace.phase("connect"):
            await asyncio.sleep(0.02)
        trace.readings["status"] = 200

    result = await run(act)
    assert result.outcome is Outcome.OK
    assert (result.job, result.reason, result.detail, result.flags) == (7, "", "", 0)
    assert result.started_at_us == 1_000_000_250_000
    assert 18 < result.phases["connect"] <= result.duration_ms < 500
    assert result.readings == {"status": 200}


async def test_our_own_time_between_the_phases_is_not_the_targets():
    async def act(trace):
        with trace.phase("connect"):
            pass
        await asyncio.sleep(0.03)
        with trace.phase("first_byte"):
            pass

    result = await run(act)
    assert result.duration_ms == sum(result.phases.values())
    assert result.duration_ms < 15


async def test_how_long_a_failure_took_is_all_of_it():
    async def act(trace):
        with trace.phase("connect"):
            pass
        await asyncio.sleep(0.03)
        raise ProbeFailed("status", "got 500")

    assert (await run(act)).duration_ms > 25


async def test_a_warning_is_an_ok_with_a_flag_and_the_first_reason():
    async def act(trace):
        trace.warn("latency", "slow")
        trace.warn("cert_weak", "weak")
        trace.duration_ms = 3.5

    result = await run(act)
    assert (result.outcome, result.flags) == (Outcome.OK, Flag.WARN)
    assert (result.reason, result.detail, result.duration_ms) == (
        "latency",
        "slow",
        3.5,
    )


async def test_a_timeout_is_named_with_the_phase_it_cut_off():
    async def act(trace):
        for _ in range(2):
            with trace.phase("connect"):
                pass
            with trace.phase("first_byte"):
                pass
        with trace.phase("connect"):
            await asyncio.sleep(5)

    result = await run(act, timeout_s=0.05)
    assert (result.outcome, result.reason) == (Outcome.FAILED, "timeout")
    assert result.detail == "no answer within 0.05 s (while: connect)"


async def test_a_target_that_got_half_of_its_time_has_had_its_chance():
    def spent(waited_s):
        async def act(trace):
            with trace.phase("wait"):
                await asyncio.sleep(waited_s)
            with trace.phase("tls"):
                await asyncio.sleep(5)

        return act

    result = await run(spent(0.01), timeout_s=0.1)
    assert (result.outcome, result.reason) == (Outcome.FAILED, "timeout")
    assert result.duration_ms < 95
    result = await run(spent(0.06), timeout_s=0.1)
    assert (result.outcome, result.reason) == (Outcome.ERROR, "overload")


async def test_a_broken_probe_is_our_error_and_never_a_vote(caplog):
    result = await run(raising(ZeroDivisionError("oops")))
    assert (result.outcome, result.reason) == (Outcome.ERROR, "bug")
    assert result.vote is None
    assert "ZeroDivisionError" in caplog.text


async def test_cancellation_is_passed_on():
    async def act(trace):
        await asyncio.sleep(5)

    task = asyncio.create_task(run(act))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(
    ("number", "outcome", "reason"),
    [
        (errno.ECONNREFUSED, Outcome.FAILED, "refused"),
        (errno.ECONNRESET, Outcome.FAILED, "reset"),
        (errno.EHOSTUNREACH, Outcome.FAILED, "unreachable"),
        (errno.ENETUNREACH, Outcome.ERROR, "no_route"),
        (errno.EMFILE, Outcome.ERROR, "no_resources"),
        (errno.EPERM, Outcome.ERROR, "no_right"),
        (errno.EXDEV, Outcome.ERROR, "bug"),
    ],
)
async def test_the_system_error_tells_whose_fault_it_is(number, outcome, reason):
    result = await run(raising(OSError(number, "said so")))
    assert (result.outcome, result.reason) == (outcome, reason)


async def test_failed_and_error_come_through_with_their_sentences():
    failed = await run(raising(ProbeFailed("status", "got 500, wanted 200")))
    unsure = await run(raising(ProbeError("policy")))
    assert (failed.outcome, failed.detail) == (Outcome.FAILED, "got 500, wanted 200")
    assert (unsure.outcome, unsure.reason) == (Outcome.ERROR, "policy")
    assert unsure.detail


def test_a_phase_that_is_gone_through_twice_is_summed_in_its_place():
    trace = Trace()
    trace.phases = {"connect": 5.0, "tls": 1.0}
    with trace.phase("connect"):
        pass
    assert list(trace.phases) == ["connect", "tls"]
    assert trace.phases["connect"] >= 5.0
    assert trace.last == "connect"


class Observing:
    """A probe that sees what a test puts in front of it."""

    type = "observing"

    def __init__(self):
        self.sees, self.fails = "a", None

    async def run(self, trace, tools):
        trace.observe("answer", self.sees)
        if self.fails:
            raise self.fails


async def test_a_change_is_flagged_once_with_before_and_after():
    probe, seen, results = Observing(), {}, []
    for sees in ("a", "a", "b", "b"):
        probe.sees = sees
        results.append(
            await run_once(
                probe, Tools(), StoppedClock(), job=1, timeout_s=1, seen=seen
            )
        )

    assert [bool(r.flags & Flag.CHANGED) for r in results] == [
        False,
        False,
        True,
        False,
    ]
    change = {"answer": {"before": "a", "after": "b"}}
    assert results[2].readings["changed"] == change
    assert results[2].vote is VoteValue.OK, "a change is no vote"


@pytest.mark.parametrize(
    ("raised", "outcome", "reason"),
    [
        pytest.param(None, Outcome.FAILED, "answered", id="an answer is the failure"),
        pytest.param(ProbeFailed("refused"), Outcome.OK, "", id="refused as wanted"),
        pytest.param(
            ProbeError("no_route"), Outcome.ERROR, "no_route", id="error stays error"
        ),
    ],
)
async def test_expecting_a_failure_swaps_ok_and_failed_but_never_an_error(
    raised, outcome, reason
):
    probe = Observing()
    probe.fails = raised
    result = await run_once(
        probe, Tools(), StoppedClock(), job=1, timeout_s=1, expect="fail"
    )

    assert (result.outcome, result.reason) == (outcome, reason)


def test_jobs_with_equal_options_share_them():
    one = make_probe("http", "http://one.example/", {"headers": ["A: 1"]})
    other = make_probe("http", "http://two.example/", {"headers": ["A: 1"]})
    third = make_probe("http", "http://two.example/", {"headers": ["A: 2"]})
    assert one.options is other.options
    assert third.options != one.options
