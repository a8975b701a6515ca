"""Failed or error: the one table that says whose fault a failed run is.

``failed`` blames the target, ``error`` says that we could not tell; the two are
never confused, because a vote against a target must never come from our own
broken network, full socket table or bug.
"""

import errno

from .model import Outcome
from .reasons import REASONS

#: operating system error → outcome and reason code
BY_ERRNO: dict[int, tuple[Outcome, str]] = {
    errno.ECONNREFUSED: (Outcome.FAILED, "refused"),
    errno.ECONNRESET: (Outcome.FAILED, "reset"),
    errno.EPIPE: (Outcome.FAILED, "reset"),
    errno.ECONNABORTED: (Outcome.FAILED, "reset"),
    errno.ETIMEDOUT: (Outcome.FAILED, "timeout"),
    errno.EHOSTUNREACH: (Outcome.FAILED, "unreachable"),
    errno.EHOSTDOWN: (Outcome.FAILED, "unreachable"),
    errno.ENETUNREACH: (Outcome.ERROR, "no_route"),
    errno.ENETDOWN: (Outcome.ERROR, "no_route"),
    errno.EADDRNOTAVAIL: (Outcome.ERROR, "no_resources"),
    errno.EADDRINUSE: (Outcome.ERROR, "no_resources"),
    errno.EMFILE: (Outcome.ERROR, "no_resources"),
    errno.ENFILE: (Outcome.ERROR, "no_resources"),
    errno.ENOBUFS: (Outcome.ERROR, "no_resources"),
    errno.ENOMEM: (Outcome.ERROR, "no_resources"),
    errno.EPERM: (Outcome.ERROR, "no_right"),
    errno.EACCES: (Outcome.ERROR, "no_right"),
    errno.EAFNOSUPPORT: (Outcome.ERROR, "no_route"),
}


class ProbeFailed(Exception):
    """The target failed the question; *detail* gives got and wanted."""

    outcome = Outcome.FAILED

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(detail or REASONS[reason])
        self.reason = reason
        self.detail = detail or REASONS[reason]


class ProbeError(ProbeFailed):
    """We could not tell: our network, our limits, our rules."""

    outcome = Outcome.ERROR


def from_os_error(error: OSError, doing: str = "") -> ProbeFailed:
    """Return *error* as the failure it means; *doing* begins the sentence.

    An error number that is not in the table is ours: better no vote than a
    wrong one.
    """
    outcome, reason = BY_ERRNO.get(error.errno or 0, (Outcome.ERROR, "bug"))
    said = error.strerror or str(error) or type(error).__name__
    detail = f"{doing}: {said.lower()}" if doing else said.lower()
    kind = ProbeFailed if outcome is Outcome.FAILED else ProbeError
    return kind(reason, detail)


def let_go(error: BaseException | None) -> None:
    """Free the frames that *error* went through, once it is told in words.

    They hold what was waited for, and that holds the error: a ring that only the
    garbage collector would free.
    """
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__
