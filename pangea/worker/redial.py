"""When to dial again, by how the last link went."""

import random
from collections.abc import Callable

from pangea.mesh.backoff import reconnect_delay

#: A link that lived so long was a good one: the next wait is short again.
GOOD_S = 10.0
#: One that does not answer is tried again after so many seconds, however long it
#: has been away: it may be back at any moment.
AWAY_S = (3.0, 6.0)


class Redial:
    """Waits grow while no link lasts; one that lasted makes them short again.

    A coordinator that leaves in good order is forgiven a short link, but once
    only: two processes with one key would else drive each other out for ever.
    """

    def __init__(self, jitter: Callable[[], float] = random.random) -> None:
        self._jitter = jitter
        self._attempt = 0
        self._forgiven = False

    def ended(self, lived_s: float, *, politely: bool) -> None:
        """Note that a link ended after *lived_s* seconds."""
        good = lived_s >= GOOD_S
        if good or (politely and not self._forgiven):
            self._attempt = 0
            self._forgiven = not good

    def pause(self) -> float:
        """Return the seconds until one that does not answer is tried again."""
        least, most = AWAY_S
        return least + (most - least) * self._jitter()

    def delay(self) -> float:
        """Return the seconds to wait before the next dial."""
        self._attempt += 1
        return reconnect_delay(self._attempt - 1, self._jitter)
