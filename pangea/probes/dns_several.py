"""Asks several name servers the same question at the same time: all must pass."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from pangea.core.failure import ProbeFailed, from_os_error, let_go
from pangea.core.model import Outcome

from .base import Trace
from .tools import Tools

Ask = Callable[[int, Trace, Tools], Awaitable[None]]


class _Part(Trace):
    """What the run leaves behind at one of the servers."""

    def __init__(self, name: str, whole: Trace) -> None:
        super().__init__()
        self.name, self._whole = name, whole
        self.answered = False

    def observe(self, name: str, value: str, *, same: bool = False) -> None:
        """Note it in the whole run, under the server's name."""
        self._whole.observe(f"{name} of {self.name}", value, same=same)


async def ask_several(
    names: Sequence[str], ask: Ask, whole: Trace, tools: Tools
) -> None:
    """Let *ask* put the question to each of *names*, and add up what they left.

    The slowest counts for the duration and the phases. Raises ProbeFailed for the
    first that failed, naming the others too.
    """
    parts = [_Part(name, whole) for name in names]
    asking = [_end(part, ask(n, part, tools)) for n, part in enumerate(parts)]
    try:
        ended = await asyncio.gather(*asking)
    finally:
        _add_up(parts, whole)
    failures = [failure for failure in ended if failure]
    if failures:
        # One that failed is enough: that of another we could not tell is no excuse.
        failures.sort(key=lambda failure: failure.outcome is Outcome.ERROR)
        detail = "; ".join(failure.detail for failure in failures)
        raise type(failures[0])(failures[0].reason, detail)


async def _end(part: _Part, asking: Awaitable[None]) -> ProbeFailed | None:
    """Return how *asking* failed, in the name of its server."""
    try:
        await asking
    except ProbeFailed as failure:
        return _named(part, failure)
    except OSError as error:
        return _named(part, from_os_error(error))
    part.answered = True
    return None


def _named(part: _Part, failure: ProbeFailed) -> ProbeFailed:
    """Return *failure* in the name of the part's server; it has answered."""
    part.answered = True
    let_go(failure)
    return type(failure)(failure.reason, f"{part.name}: {failure.detail}")


def _add_up(parts: Sequence[_Part], whole: Trace) -> None:
    durations = [p.duration_ms for p in parts if p.duration_ms is not None]
    whole.duration_ms = max(durations, default=None)
    for part in parts:
        for phase, spent in part.phases.items():
            whole.phases[phase] = max(spent, whole.phases.get(phase, 0.0))
    whole.readings["resolvers"] = {
        part.name: part.readings | {"duration_ms": part.duration_ms} for part in parts
    }
    silent = [part.name for part in parts if not part.answered]
    if silent:
        whole.last = f"waiting for {', '.join(silent)}"
