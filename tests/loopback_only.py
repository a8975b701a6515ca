"""No test sends anything to an address outside the machine: tried, and failed for it.

An audit hook sees what this process does through the socket module (not what uvloop
or a child process does); a test marked ``netns`` has a network of its own.
"""

import errno
import ipaddress
import sys
from typing import Any

SENDS = {"socket.connect", "socket.sendto", "socket.sendmsg"}
ASKS = {"socket.getaddrinfo", "socket.gethostbyname"}


class Guard:
    """Refuses what leaves the machine, and remembers it."""

    def __init__(self) -> None:
        self.on = False
        self.refused: list[str] = []

    def install(self) -> None:
        """Begin to watch; an audit hook stays until the process ends."""
        sys.addaudithook(self._audit)

    def _audit(self, event: str, args: tuple[Any, ...]) -> None:
        if not self.on or not event.startswith("socket."):
            return
        where = None
        if event in SENDS and isinstance(args[1], tuple):
            where = args[1][0]
        elif event in ASKS:
            where = args[0]
        if where is not None and not _stays(where):
            self.refused.append(f"{event.removeprefix('socket.')} {where!r}")
            raise OSError(errno.EACCES, f"a test may not send to {where!r}")


def _stays(host: Any) -> bool:
    """Return whether asking for or sending to *host* stays on this machine."""
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return name in ("", "localhost") or name.endswith(".localhost")
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_loopback or mapped.is_unspecified)
