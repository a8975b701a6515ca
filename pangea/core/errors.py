"""Everything that Pangea raises on purpose.

::

    PangeaError            1   something went wrong
    ├── UsageError         2   the question itself is wrong
    ├── NotFound           3   no such thing
    ├── NotAllowed         4   not with these rights
    ├── Unreachable        5   the coordinator cannot be reached
    ├── Conflict           6   it exists already, or somebody was faster
    ├── ConfigError       78   the configuration or the machine needs a person
    ├── StorageError       1   the database refused
    └── ProtocolError      1   a peer said what it must not say
        └── LinkClosed     1   a peer is gone

The number is the command line's exit code.
"""

from typing import ClassVar


class PangeaError(Exception):
    """What happened, in one sentence, and (``hint``) what to do next."""

    exit_code: ClassVar[int] = 1
    status: ClassVar[int] = 500

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(PangeaError):
    """The question itself is wrong: an unknown option, a malformed target."""

    exit_code = 2
    status = 422


class NotFound(PangeaError):
    """There is no such job, worker or page."""

    exit_code = 3
    status = 404


class NotAllowed(PangeaError):
    """Who asks has no right to it."""

    exit_code = 4
    status = 403


class Unreachable(PangeaError):
    """The coordinator does not answer."""

    exit_code = 5
    status = 503


class Conflict(PangeaError):
    """The name is taken, or somebody changed it first."""

    exit_code = 6
    status = 409


class ConfigError(PangeaError):
    """The configuration, or the machine under it, needs a person."""

    exit_code = 78


class StorageError(PangeaError):
    """The database refused: full, read-only, damaged or locked."""

    status = 503


class ProtocolError(PangeaError):
    """A peer said something that it must not say."""


class LinkClosed(ProtocolError):
    """The peer is gone, politely or not."""
