"""Messages on how a worker is, and on probes that are asked for once."""

from typing import Any, ClassVar

from msgspec import Struct

from .message import Message


class Check(Struct, frozen=True, array_like=True):
    """One part of a worker's self-test: what was looked at, and how it went."""

    name: str
    good: bool
    detail: str = ""
    took_ms: float = 0.0


class Window(Struct, frozen=True, array_like=True):
    """A stretch in which the worker itself was unwell (its wall time).

    ``until_us`` is 0 while it goes on.
    """

    from_us: int
    until_us: int
    cause: str


class Health(Message, frozen=True, array_like=True, tag=True):
    """Worker to coordinator: how I am, and when I was unwell.

    Said when it changes and when a link begins. ``windows`` are those whose results
    may still be on their way, the oldest first; ``offset_us`` is what to add to
    their times to get the coordinator's.
    """

    since: ClassVar[int] = 3

    at_us: int
    checks: tuple[Check, ...] = ()
    windows: tuple[Window, ...] = ()
    offset_us: int = 0


class AskProbe(Message, frozen=True, array_like=True, tag=True):
    """Coordinator to worker: run this probe once, now; it belongs to no job.

    The answers carry its ``id``. With ``hops`` the way to the target follows in a
    second answer, where it can be walked.
    """

    since: ClassVar[int] = 3

    id: int
    probe: str
    target: str
    options: dict[str, Any]
    timeout_s: float
    expect: str = "ok"
    hops: bool = False


class ProbeSaid(Message, frozen=True, array_like=True, tag=True):
    """Worker to coordinator: what was found, or why nothing was.

    ``row`` is a result as ``encode_row`` packs it, or empty; ``last`` ends the
    answers to that ``id``.
    """

    since: ClassVar[int] = 3

    id: int
    row: bytes = b""
    refused: str = ""
    last: bool = True
