"""What people may want to be told of, before it is said who is told and how."""

from typing import Literal

from msgspec import Struct, field

#: What a notice is about.
Kind = Literal[
    "down",
    "degraded",
    "recovered",
    "acknowledged",
    "certificate",
    "changed",
    "unknown",
    "worker-lost",
    "worker-back",
    "worker-isolated",
    "coordinator-isolated",
    "storage",
    "gap",
    "drill",
    "test",
]
Severity = Literal["info", "warning", "critical"]


class Notice(Struct, frozen=True, kw_only=True):
    """One thing that happened; the same thing always has the same ``key``.

    ``since_us`` is when it began and ``at_us`` when it was found (UTC microseconds).
    ``incident``, ``job`` (0: none) and ``worker`` are what it is about; ``labels``
    and ``regions`` are those of the job and of the workers that see it. ``facts`` are
    short words by name, for the message; what a target said in them is hostile.
    """

    key: str
    kind: Kind
    severity: Severity
    org: int
    at_us: int
    since_us: int
    title: str
    reason: str = ""
    incident: str = ""
    job: int = 0
    worker: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    regions: tuple[str, ...] = ()
    facts: dict[str, str] = field(default_factory=dict)
    drill: bool = False
