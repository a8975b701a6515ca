"""Which messages belong together, and which of them nothing is open of any more.

A pager opens one thing for a thread and closes it when all that was told in it is
over: one incident, or all those of a list.
"""

from collections.abc import Iterable, Sequence

from pangea.core.notification import Notification


class Threads:
    """The threads of one channel, each with the alerts that it told of and go on."""

    def __init__(self) -> None:
        self._open: dict[str, set[str]] = {}
        #: The threads of each alert: there may be thousands of either.
        self._of: dict[str, dict[str, None]] = {}
        self._acked: set[str] = set()

    def add(self, alert: str, thread: str) -> None:
        """Note that *alert* was told in *thread*."""
        self._open.setdefault(thread, set()).add(alert)
        self._of.setdefault(alert, {})[thread] = None

    def of(self, alert: str) -> list[str]:
        """Return the threads that *alert* was told in, the first one first."""
        return list(self._of.get(alert, ()))

    def move(self, alert: str, to: str) -> None:
        """Let what told of *alert* tell of the one that it became part of."""
        self._acked.discard(alert)
        for thread in self._of.pop(alert, ()):
            self._open[thread].discard(alert)
            self.add(to, thread)

    def thread_for(self, them: Sequence[Notification], message: str) -> str:
        """Return the thread of a message that tells *them*.

        That of before if all of them have the same one; else it has its own.
        """
        threads = {self._first(it) for it in them}
        return threads.pop() if len(threads) == 1 else message

    def settled_by(self, them: Sequence[Notification]) -> tuple[str, ...]:
        """Return the threads of which nothing goes on when *them* are told."""
        over = {it.alert for it in them if it.is_over}
        return tuple(
            thread
            for thread, alerts in self._open.items()
            if alerts & over and not alerts - over
        )

    def acknowledged_by(self, them: Sequence[Notification]) -> tuple[str, ...]:
        """Return the threads of which all that goes on is taken care of with *them*."""
        over = {it.alert for it in them if it.is_over}
        cared = {it.alert for it in them if it.kind == "acknowledged"}
        return tuple(
            thread
            for thread, alerts in self._open.items()
            if alerts & (over | cared)
            and alerts - over
            and alerts - over <= self._acked | cared
        )

    def acknowledged(self, alert: str) -> None:
        """Note that somebody takes care of *alert*."""
        if alert in self._of:
            self._acked.add(alert)

    def told(self, them: Iterable[Notification], thread: str) -> None:
        """Note that *them* were told in *thread*."""
        for it in them:
            if it.is_over:
                self._forget(it.alert)
            elif it.kind == "acknowledged":
                self.acknowledged(it.alert)
            else:
                self._acked.discard(it.alert)
                self.add(it.alert, thread)

    def _forget(self, alert: str) -> None:
        self._acked.discard(alert)
        for thread in self._of.pop(alert, ()):
            self._open[thread].discard(alert)
            if not self._open[thread]:
                del self._open[thread]

    def _first(self, it: Notification) -> str:
        return next(iter(self.of(it.alert)), own_thread(it))


def own_thread(it: Notification) -> str:
    """Return the thread of what was not told before."""
    return it.notice.incident or it.alert
