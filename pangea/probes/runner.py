"""Runs a probe once: the only place with a timeout, a stopwatch and a net."""

import asyncio
import logging
import time

from pangea.core.clock import Clock
from pangea.core.failure import ProbeFailed, from_os_error, let_go
from pangea.core.model import Flag, Outcome, Result

from .base import Probe, Trace
from .tools import Tools

log = logging.getLogger(__name__)

#: A clock that moved by less was not set.
STEP_S = 0.1
#: As plain numbers: a flag's own operators cost a microsecond each.
_WARN, _CHANGED = int(Flag.WARN), int(Flag.CHANGED)


async def run_once(
    probe: Probe,
    tools: Tools,
    clock: Clock,
    *,
    job: int,
    timeout_s: float,
    expect: str = "ok",
    seen: dict[str, str] | None = None,
) -> Result:
    """Ask *probe*'s question once and tell what happened; nothing escapes.

    ``started_at_us`` is *clock*'s wall time at the start, by the wall clock of the
    end if that was set meanwhile; ``duration_ms`` of a run that succeeded is that
    of its phases, for what lies between them is our own time and not the target's,
    as is a phase that is ASIDE. With *expect* ``fail`` the target must not answer.
    *seen* is what the run before observed, and is brought up to date. Cancellation
    is passed on: a worker that stops has no opinion.
    """
    trace, started = Trace(seen), clock.wall()
    apart = started - clock.boot()
    begun = time.perf_counter()
    outcome, reason, detail = await _ask(probe, trace, tools, timeout_s)
    spent_ms = (time.perf_counter() - begun) * 1000
    stepped = clock.wall() - clock.boot() - apart
    if abs(stepped) > STEP_S:
        started += stepped
    if trace.duration_ms is not None:
        spent_ms = trace.duration_ms
    elif outcome is Outcome.OK and trace.phases:
        spent_ms = trace.target_ms
    else:
        spent_ms = max(spent_ms - trace.aside_ms, 0.0)
    flags = 0
    if expect == "fail":
        outcome, reason, detail = _mirrored(trace, outcome, reason, detail)
    elif outcome is Outcome.OK and trace.warning:
        reason, detail = trace.warning
        flags = _WARN
    if trace.changed:
        trace.readings["changed"] = trace.changed
        flags |= _CHANGED
    return Result(
        job=job,
        started_at_us=round(started * 1e6),
        duration_ms=spent_ms,
        outcome=outcome,
        reason=reason,
        detail=detail,
        phases=trace.phases,
        readings=trace.readings,
        flags=flags,
    )


def _mirrored(
    trace: Trace, outcome: Outcome, reason: str, detail: str
) -> tuple[Outcome, str, str]:
    """Swap ok and failed; an error stays one: we could not tell either way."""
    if outcome is Outcome.OK:
        return Outcome.FAILED, "answered", "it answered, wanted no answer"
    if outcome is Outcome.FAILED:
        trace.readings["failure"] = {"reason": reason, "detail": detail}
        return Outcome.OK, "", ""
    return outcome, reason, detail


async def _ask(
    probe: Probe, trace: Trace, tools: Tools, timeout_s: float
) -> tuple[Outcome, str, str]:
    try:
        async with asyncio.timeout(timeout_s):
            await probe.run(trace, tools)
    except TimeoutError:
        if trace.is_starved(timeout_s):
            waited = f"its turn on this worker took most of its {timeout_s:g} s"
            return Outcome.ERROR, "overload", waited
        after = f" (while: {trace.last})" if trace.last else ""
        return Outcome.FAILED, "timeout", f"no answer within {timeout_s:g} s{after}"
    except ProbeFailed as failure:
        let_go(failure)
        return failure.outcome, failure.reason, failure.detail
    except OSError as error:
        let_go(error)
        known = from_os_error(error)
        return known.outcome, known.reason, known.detail
    except Exception as error:
        # One broken probe must not take the worker down with it.
        log.exception("probe %s broke", probe.type)
        return Outcome.ERROR, "bug", f"{type(error).__name__}: {error}"
    return Outcome.OK, "", ""
