"""From notifications to the message that a notifier gets."""

import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from pangea.alerts.notifier import Message
from pangea.core.alert_words import Around, Said, say
from pangea.core.channel import Channel
from pangea.core.notification import SENDING, Notification

from .judging import FAULTS
from .threads import Threads

log = logging.getLogger(__name__)


class Late(Protocol):
    """Completes what goes out now, *alone* or in a list."""

    def __call__(self, it: Notification, *, alone: bool) -> Notification:
        """Return it, completed."""
        ...


def as_it_is(it: Notification, *, alone: bool) -> Notification:
    """Return it; there is nothing to add."""
    return it


async def undressed(message: Message, channel: Channel) -> Message:
    """Return *message*; every channel shows plain words."""
    return message


class Links(Protocol):
    """Makes the links by which messages are acknowledged."""

    def url(self, them: list[Notification], base: str) -> str:
        """Return the link for what is told, "" if there is none."""
        ...

    def in_words(self, it: Notification) -> bool:
        """Tell whether the words must say it: the channel shows no links."""
        ...


class Wording:
    """Makes messages; ``url`` is where people reach this site."""

    def __init__(self) -> None:
        self.url = ""
        self.say: Callable[[list[Notification], Around], Said] = say
        self.late: Late = as_it_is
        self.links: Links | None = None
        self.dress: Callable[[Message, Channel], Awaitable[Message]] = undressed

    def message(
        self, them: list[Notification], threads: Threads, now_us: int
    ) -> Message:
        """Return what is sent; with the same id and thread for each attempt."""
        told = [self.late(it, alone=len(them) == 1) for it in them]
        ack_url, in_words = self._ack_url(told)
        around = Around(
            now_us=now_us,
            url=self.url,
            settles=threads.settled_by(them),
            acknowledges=threads.acknowledged_by(them),
            repeated=any(it.state == SENDING for it in them),
            ack_url=ack_url if in_words else "",
        )
        said, worst = self._words(told, around), worst_of(told)
        return Message(
            id=them[0].message,
            thread=them[0].thread,
            kind=worst.kind,
            severity=worst.notice.severity,
            at_us=worst.notice.at_us,
            subject=said.subject,
            text=said.text,
            url=said.url,
            ack_url=ack_url,
            drill=all(it.notice.drill for it in told),
            data=said.data | {"id": them[0].message, "thread": them[0].thread},
        )

    def _ack_url(self, told: list[Notification]) -> tuple[str, bool]:
        """Return the link that acknowledges, and whether the words must say it."""
        if self.links is None:
            return "", False
        try:
            return self.links.url(told, self.url), self.links.in_words(told[0])
        except FAULTS:
            log.exception("the link to acknowledge %s failed", told[0].id)
            return "", False

    def _words(self, told: list[Notification], around: Around) -> Said:
        """Return the words of a message; a mistake in them costs no message."""
        try:
            return self.say(told, around)
        except FAULTS:
            log.exception("what is to be said of %s failed", told[0].id)
            title = told[0].notice.title
            return Said(subject=f"{told[0].kind.upper()} {title}", text=title)


def worst_of(them: list[Notification]) -> Notification:
    """Return which of *them* a message as a whole is like: of news the worst."""
    order = ("info", "warning", "critical")

    def badness(it: Notification) -> tuple[bool, bool, int]:
        news = it.kind != "acknowledged"
        return not it.is_over, news, order.index(it.notice.severity)

    return max(them, key=badness)
