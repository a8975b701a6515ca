"""Free ports for programs that must be told theirs."""

import random
import socket
from itertools import repeat


def has_ipv6() -> bool:
    """Return whether there is a loopback of IPv6."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


#: Below the ports that the system gives to clients, and to whoever asks for any.
BELOW_CLIENTS = range(20_000, 32_000)
LOOPBACKS = ("127.0.0.1", "::1") if has_ipv6() else ("127.0.0.1",)


def free_ports(count: int) -> list[int]:
    """Return ports of loopback that nobody has, and no client gets by chance."""
    found: list[int] = []
    for port in random.SystemRandom().sample(BELOW_CLIENTS, len(BELOW_CLIENTS)):
        if len(found) == count:
            break
        if all(map(_is_free, LOOPBACKS, repeat(port))):
            found.append(port)
    return found


def free_port() -> int:
    """Return one port of loopback, free over UDP and TCP."""
    return free_ports(1)[0]


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socket.socket(family, kind) as sock:
                sock.bind((host, port))
    except OSError:
        return False
    return True
