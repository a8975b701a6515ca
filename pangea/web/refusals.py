"""What the site refuses, each with its status; a worker's door needs no more."""

from pangea.core.errors import NotAllowed, PangeaError, UsageError


class NotLoggedIn(NotAllowed):
    """Nobody we know asks."""

    status = 401


class TooMany(PangeaError):
    """Too often or too many at once; ``retry_s`` is when to come back."""

    exit_code = 4
    status = 429

    def __init__(self, message: str, *, retry_s: float, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.retry_s = retry_s


class WrongMedia(UsageError):
    """The body is not of the type that is read here."""

    status = 415


class SlowBody(UsageError):
    """The body did not arrive in time."""

    status = 408


class NotReady(PangeaError):
    """The site runs, but cannot serve yet, or not any more."""

    status = 503


class Misdirected(NotAllowed):
    """The site was called by a name that is not its own."""

    status = 421
