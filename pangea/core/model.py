"""The nouns: job, assignment, result, vote, worker."""

from enum import IntFlag, StrEnum
from typing import Any

from msgspec import Struct, field

#: The voter of jobs that no worker probes; no worker has this number.
COORDINATOR = 0
#: Types whose targets report by themselves, to the coordinator.
PUSHED = frozenset({"heartbeat"})
#: The organisation that everything belongs to until there are more.
FIRST_ORG = 1


class Outcome(StrEnum):
    """Of a result: the target answered, the target failed, we could not tell."""

    OK = "ok"
    FAILED = "failed"
    ERROR = "error"


class VoteValue(StrEnum):
    """What a worker says of a job; ``error`` is no vote and is not here."""

    OK = "ok"
    WARN = "warn"
    FAILED = "failed"


class Verdict(StrEnum):
    """What all votes on a job add up to."""

    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"
    UNKNOWN = "unknown"


class Flag(IntFlag):
    """What else is true of a result."""

    NONE = 0
    WARN = 1  #: a threshold of the job was passed; ``reason`` says which
    LATE = 2  #: it began later than it was due
    LAGGED = 4  #: the worker's event loop was too busy for its timings
    CLAMPED = 8  #: its time was impossible and has been corrected
    REPEAT = 16  #: asked for at once, to confirm or by a person
    CHANGED = 32  #: an answer, a certificate or a path is not what it was
    SICK = 64  #: the worker itself was unwell; only a good answer says something
    DRILL = 128  #: failed on purpose: a drill


#: As a plain number: a flag's own operators cost a microsecond a result.
_WARN = int(Flag.WARN)
_OK, _GOOD, _WARNS = Outcome.OK, VoteValue.OK, VoteValue.WARN


class Job(Struct, frozen=True, kw_only=True):
    """Configured intent: this probe, this target, so often, from these workers.

    ``id`` never changes; ``name`` is unique in its organisation and may.
    ``on`` is ``all``, ``count:N``, ``tag:K=V`` or worker names joined by commas;
    ``rule`` is as `core.rule` reads it, "" for the defaults; ``expect`` is ``ok``,
    or ``fail`` for what must not answer from there. ``depends_on`` are jobs
    without which this one cannot be up; ``slo`` is the share of the time, in percent,
    that it promises to be (0: none).
    """

    id: int
    name: str
    type: str
    target: str
    interval_s: float
    timeout_s: float
    on: str = "all"
    rule: str = ""
    expect: str = "ok"
    options: dict[str, Any] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    enabled: bool = True
    stopped_on: tuple[str, ...] = ()
    depends_on: tuple[int, ...] = ()
    slo: float = 0.0
    org: int = FIRST_ORG
    created_at_us: int = 0


class Assignment(Struct, frozen=True, array_like=True):
    """A job given to one worker; ``phase_s`` is its place in the interval.

    With ``expect`` ``fail`` the target must not answer. What is ``leased`` the
    worker probes only while it holds a lease (``core.liveness``). In a ``drill`` the
    target is probed as always, and told as failed.
    """

    job: int
    type: str
    target: str
    interval_s: float
    timeout_s: float
    phase_s: float
    options: dict[str, Any]
    expect: str = "ok"
    leased: bool = False
    drill: bool = False


class Result(Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """One run of a probe.

    ``started_at_us`` is microseconds of UTC; on the worker by its own clock, at
    the coordinator corrected by the offset of the link. ``duration_ms`` is how
    long the target took. ``reason`` is a code of ``core.reasons`` ("" when ok)
    and ``detail`` the sentence with *got* and *wanted*.
    """

    job: int
    started_at_us: int
    duration_ms: float
    outcome: Outcome
    reason: str = ""
    detail: str = ""
    phases: dict[str, float] = field(default_factory=dict)
    readings: dict[str, Any] = field(default_factory=dict)
    flags: int = 0
    worker: int = 0

    @property
    def vote(self) -> VoteValue | None:
        """What this result says of the target; an error says nothing."""
        if self.outcome is _OK:
            return _WARNS if self.flags & _WARN else _GOOD
        return VoteValue.FAILED if self.outcome is Outcome.FAILED else None


class Worker(Struct, frozen=True, kw_only=True):
    """A node that probes. ``id`` is the row, ``key`` its Ed25519 public key.

    ``state`` is ``approved``, ``pending`` (waits for a person), ``revoked`` (for
    ever) or ``removed`` (was here once). ``trusted`` ones get the credentials of
    jobs, ``draining`` ones get no new jobs. ``approved_by`` says who or what let it
    in; ``wanted_name`` is what it calls itself if that name was taken, ``site`` the
    region that its join token gave it.
    """

    id: int
    key: bytes
    name: str
    state: str = "approved"
    region: str = ""
    position: tuple[float, float] | None = None
    tags: dict[str, str] = field(default_factory=dict)
    version: str = ""
    probes: tuple[str, ...] = ()
    lacks: dict[str, str] = field(default_factory=dict)
    last_seen_us: int = 0
    org: int = FIRST_ORG
    trusted: bool = False
    draining: bool = False
    added_at_us: int = 0
    approved_by: str = ""
    wanted_name: str = ""
    site: str = ""


class Gap(Struct, frozen=True, array_like=True):
    """Results that were made but cannot be delivered, counted, with the reason."""

    first: int
    last: int
    from_us: int
    to_us: int
    reason: str
    counts: dict[int, int]
