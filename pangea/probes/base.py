"""The shape that every probe has, and the table of all of them."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

from msgspec import Struct, msgpack

from pangea.core.errors import UsageError
from pangea.core.options import build, nearest
from pangea.core.text import safe_text

if TYPE_CHECKING:
    from .tools import Tools

#: An observed value is kept up to so many characters.
OBSERVED = 2000
#: The phase in which a probe waits for its own turn on this worker.
WAIT = "wait"
#: Phases that are no time of the target's: that one, and the silence in which it is
#: listened for a refusal.
ASIDE = (WAIT, "accept")


class Phase:
    """A stretch of a run that is being measured; see ``Trace.phase``."""

    __slots__ = ("begun", "until")

    def __init__(self, begun: float) -> None:
        self.begun, self.until = begun, 0.0


class Trace:
    """What a run leaves behind, also when it fails half way.

    ``phases`` are milliseconds in the order they began, ``last`` is the one that
    ended last, so that a timeout can be named after it; ``duration_ms`` is set
    by probes that know better than the runner's stopwatch how long the target
    took (kernel timestamps); ``warning`` is a threshold that was passed;
    ``changed`` is what differs from the run before. *seen* is what that run saw,
    and is brought up to date.
    """

    def __init__(self, seen: dict[str, str] | None = None) -> None:
        self._seen = {} if seen is None else seen
        self.changed: dict[str, dict[str, str]] = {}
        self.phases: dict[str, float] = {}
        self.last = ""
        self.readings: dict[str, Any] = {}
        self.duration_ms: float | None = None
        self.warning: tuple[str, str] | None = None

    @property
    def target_ms(self) -> float:
        """How long the target took: the phases without those ASIDE."""
        return sum(self.phases.values()) - self.aside_ms

    @property
    def aside_ms(self) -> float:
        """How long the phases were that are no time of the target's."""
        first, second = ASIDE
        return self.phases.get(first, 0.0) + self.phases.get(second, 0.0)

    def is_starved(self, timeout_s: float) -> bool:
        """Tell whether a run of *timeout_s* was cut short by our own waiting.

        It was if it ended while it waited, or if that took half of its time or more:
        the target then had no fair chance to answer.
        """
        waited_ms = self.phases.get(WAIT, 0.0)
        return self.last == WAIT or waited_ms >= timeout_s * 1000 / 2

    @contextmanager
    def phase(self, name: str, since: float = 0.0) -> Iterator[Phase]:
        """Measure the block as the phase *name*, also if it raises.

        It began at *since*, if that is given, and ended when the block sets its
        ``until``: who knows from the kernel when bytes came need not count how long
        our loop took to come to them. Both are perf_counter seconds.
        """
        phase = Phase(since or time.perf_counter())
        try:
            yield phase
        finally:
            ended = phase.until or time.perf_counter()
            spent = max(0.0, ended - phase.begun) * 1000
            self.phases[name] = self.phases.get(name, 0.0) + spent
            self.last = name

    def before(self, name: str) -> str | None:
        """Return what the run before observed under *name*, if there was one."""
        return self._seen.get(name)

    def observe(self, name: str, value: str, *, same: bool = False) -> None:
        """Note what should not change unseen: an answer, a certificate, a path.

        A change is no vote; it is told by the flag ``changed`` and the reading
        of that name, with before and after. *same* if it is known to say no other
        thing than before, though in other words.
        """
        value = safe_text(value, OBSERVED)
        before = self._seen.get(name)
        if before is not None and before != value and not same:
            self.changed[name] = {"before": before, "after": value}
        self._seen[name] = value

    def warn(self, reason: str, detail: str) -> None:
        """Note that a threshold was passed; the first one is kept."""
        self.warning = self.warning or (reason, detail)


class Probe(Protocol):
    """A question, ready to be asked again and again."""

    Options: ClassVar[type[Struct]]
    type: ClassVar[str]
    default_interval_s: ClassVar[float]

    @classmethod
    def parse(cls, target: str, options: Any) -> Self:
        """Return the probe for *target*; UsageError if it is malformed. No I/O."""
        ...

    async def run(self, trace: Trace, tools: "Tools") -> None:
        """Ask once; return if all is well, else raise ProbeFailed or OSError."""
        ...


PROBES: dict[str, type[Probe]] = {}
#: Options in use by what they say, a bounded number.
_SHARED: dict[tuple[type[Struct], bytes], Struct] = {}
MOST_SHARED = 1000


def register(probe: type[Probe]) -> type[Probe]:
    """Put *probe* in the table under its type; for built-in and foreign ones."""
    PROBES[probe.type] = probe
    return probe


def probe_class(type_: str) -> type[Probe]:
    """Return the class that asks questions of *type_*, or raise UsageError."""
    load_builtin()
    if type_ not in PROBES:
        known = ", ".join(sorted(PROBES))
        close = nearest(type_, sorted(PROBES))
        hint = close if close.startswith("did") else f"known types are: {known}"
        raise UsageError(f"unknown probe type {type_!r}", hint=hint)
    return PROBES[type_]


def make_probe(type_: str, target: str, options: Mapping[str, Any]) -> Probe:
    """Return the probe for a job's *type_*, *target* and *options*.

    Raises UsageError for an unknown type or option and for a malformed target.
    """
    kind = probe_class(type_)
    return kind.parse(target, _shared(build(kind.Options, options, f"{type_} option")))


def _shared(options: Struct) -> Struct:
    """Return the same object for equal options: most jobs have those of others."""
    if len(_SHARED) >= MOST_SHARED:
        _SHARED.clear()
    # Seconds of configuration are floats of a class of their own.
    said = msgpack.encode(options, enc_hook=float)
    return _SHARED.setdefault((type(options), said), options)


def shortest_timeout(probe: Probe) -> float:
    """Return the seconds below which *probe* fails even a target that is well.

    Most probes need nothing; those that send for a while say so by ``needs_s``.
    """
    return float(getattr(probe, "needs_s", 0.0))


def load_builtin() -> None:
    """Import the built-in probes, once, so that they register themselves."""
    from . import dns, heartbeat, http, icmp, ntp, tcp, tls, traceroute, udp  # noqa: F401
