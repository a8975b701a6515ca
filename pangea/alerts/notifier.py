"""The shape of a notifier: it is given a message and delivers it, or says why not.

A notifier touches no clock, retry, database or log: who calls it does, in one place.
"""

from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from msgspec import Struct, field

from pangea.core.errors import PangeaError
from pangea.core.notice import Kind, Severity

if TYPE_CHECKING:
    from .tools import Tools


class Message(Struct, frozen=True, kw_only=True):
    """What one channel is to say once.

    ``id`` is the same for every attempt: the idempotency key. ``thread`` is the same
    for all messages of one incident, so that mails and pagers keep them together.
    ``data`` is the same for programs, as JSON. All text is safe to print; it is not
    escaped for HTML, except in ``html``.
    """

    id: str
    thread: str
    kind: Kind
    severity: Severity
    at_us: int
    subject: str
    text: str
    html: str = ""
    url: str = ""
    ack_url: str = ""
    drill: bool = False
    data: dict[str, Any] = field(default_factory=dict)


class NotSent(PangeaError):
    """Not delivered; try again after ``retry_after_s``, or whenever if None."""

    def __init__(
        self, message: str, *, retry_after_s: float | None = None, hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s


class Refused(PangeaError):
    """A message will never be delivered like this: there is no use in trying again."""


class Sender(Protocol):
    """Delivers messages."""

    async def send(self, message: Message, options: Any, timeout_s: float) -> str:
        """Deliver *message* within *timeout_s*; return what was answered, in short.

        Raises NotSent if it may work later, Refused if it never will.
        """
        ...


class Notifier(Sender, Protocol):
    """Delivers messages over one kind of channel."""

    TYPE: ClassVar[str]
    #: What it reaches, in a few words for people.
    DOES: ClassVar[str]
    #: What a channel of this type is configured with; a msgspec struct.
    Options: ClassVar[type[Struct]]
    #: Options that are secrets: sealed at rest, masked wherever they are shown.
    SECRETS: ClassVar[frozenset[str]]

    def __init__(self, tools: "Tools") -> None:
        """Keep what it needs of *tools*; opens nothing."""
        ...

    def place(self, options: Any) -> str:
        """Return where messages go, in short and without secrets."""
        ...

    def possible(self, options: Any) -> None:
        """Raise UsageError if this coordinator is not configured for it. Cheap."""
        ...

    async def check(self, options: Any) -> None:
        """Raise UsageError if no message could ever be sent like this."""
        ...
