"""IPv6 addresses that may not be used yet: duplicate address detection still runs."""

import time
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

#: The kernel checks an address for about a second, longer where it was told to.
SETTLE_S = 2.0
POLL_S = 0.1
_TABLE = Path("/proc/net/if_inet6")
_FAILED, _TENTATIVE = 0x08, 0x40


class State(Struct, frozen=True):
    """How many addresses an interface can use, still checks, and may never use."""

    usable: int = 0
    tentative: int = 0
    taken: int = 0

    @property
    def trouble(self) -> str:
        """Why nothing can be sent from there by IPv6, or "" if it can be."""
        if self.usable:
            return ""
        if self.taken:
            return "another machine on the link has the same address"
        if self.tentative:
            return "the address is still being checked (tentative)"
        return ""


def settled(index: int, wait_s: float = SETTLE_S) -> State:
    """Return the state of the interface *index*, after its check or *wait_s*."""
    return _after_the_check(lambda: _state(index), wait_s)


def _after_the_check(look: Callable[[], State], wait_s: float) -> State:
    until = time.monotonic() + wait_s
    state = look()
    while state.tentative and not state.usable and time.monotonic() < until:
        time.sleep(POLL_S)
        state = look()
    return state


def _state(index: int) -> State:
    try:
        return read(_TABLE.read_text("ascii"), index)
    except (OSError, ValueError):
        return State()  # Not Linux: nothing is known, so nothing is said.


def read(table: str, index: int) -> State:
    """Return the state of interface *index* in *table*, of ``/proc/net/if_inet6``.

    Raises ValueError for what is no such table.
    """
    usable = tentative = taken = 0
    for line in table.splitlines():
        fields = line.split()
        if len(fields) < 6 or int(fields[1], 16) != index:
            continue
        flags = int(fields[4], 16)
        failed, checked = bool(flags & _FAILED), not flags & _TENTATIVE
        taken += failed
        tentative += not failed and not checked
        usable += not failed and checked
    return State(usable, tentative, taken)
