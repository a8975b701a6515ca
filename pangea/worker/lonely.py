"""Saying now and then that no coordinator is found: where we looked, what to do."""

from collections.abc import Sequence

from pangea.core.clock import Clock
from pangea.core.durations import format_duration
from pangea.mesh.dial import Address

#: Alone for so long it is said, then after twice as long each time, at most hourly.
FIRST_S = 60.0
LONGEST_S = 3600.0
#: Addresses that one line names.
SHOWN = 3


class Lonely:
    """How long nobody was found; ``met`` ends that."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since: float | None = None
        self._wait_s = FIRST_S
        self._at = 0.0

    def met(self) -> None:
        """Note that there is a coordinator."""
        self._since = None

    def due(self) -> float:
        """Return for how many seconds nobody was found if that is to be said, or 0."""
        now = self._clock.monotonic()
        if self._since is None:
            self._since, self._wait_s = now, FIRST_S
            self._at = now + FIRST_S
        if now < self._at:
            return 0.0
        self._wait_s = min(2 * self._wait_s, LONGEST_S)
        self._at = now + self._wait_s
        return now - self._since


def alone_words(
    alone_s: float, known: Sequence[Address], *, mdns: bool, dns: bool, no_dns: str = ""
) -> str:
    """Return where was looked for *alone_s* seconds, and what to do.

    *no_dns* is why name servers could not be asked.
    """
    looked = []
    if known:
        places = ", ".join(map(str, known[:SHOWN]))
        more = f" and {len(known) - SHOWN} more" if len(known) > SHOWN else ""
        looked.append(f"at {places}{more}")
    if mdns:
        looked.append("by mDNS, with our secret")
    if dns:
        looked.append(f"in the DNS ({no_dns})" if no_dns else "in the DNS")
    do = (
        "is it running there, and does a firewall let TCP pass?"
        if known
        else "mDNS does not pass routers: give --join HOST[:PORT] or a join token."
    )
    return (
        f"no coordinator found for {format_duration(round(alone_s))}; looked "
        f"{', '.join(looked) or 'nowhere'}; {do} More: pangea doctor --role worker"
    )
