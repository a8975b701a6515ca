"""What this worker can ask, and what not, with the reason and the way out."""

import logging
import socket
from collections.abc import Collection, Mapping
from importlib.util import find_spec

from pangea.core.placement import HTTP2, IPV6
from pangea.probes.base import PROBES, load_builtin
from pangea.probes.heartbeat import TYPE as HEARTBEAT
from pangea.probes.icmp_socket import icmp_right
from pangea.probes.traceroute import traceroute_right

log = logging.getLogger(__name__)


def abilities() -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the probe types of this version, and why some cannot run here.

    Among the reasons are those for what only some jobs need: IPv6 and HTTP/2.
    """
    load_builtin()
    lacks = {}
    for name, right in (
        ("icmp", icmp_right),
        ("traceroute", traceroute_right),
        (IPV6, ipv6_right),
        (HTTP2, http2_right),
    ):
        able, how = right()
        if not able:
            lacks[name] = how
    # Heartbeats are told to the coordinator, so no worker is asked to probe them.
    return tuple(sorted(PROBES.keys() - {HEARTBEAT})), lacks


def tell_lacks(probes: Collection[str], lacks: Mapping[str, str]) -> None:
    """Log what cannot run here: a whole type of *probes* is worth a warning.

    What only some jobs need is told to the coordinator, which says it of each.
    """
    for name, why in lacks.items():
        if name in probes:
            log.warning("%s probes cannot run here: %s", name, why)
        else:
            log.info("jobs that need %s cannot run here: %s", name, why)


def ipv6_right() -> tuple[bool, str]:
    """Tell whether this machine speaks IPv6, or why not.

    Routes come and go, so a machine without one speaks it all the same.
    """
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.bind(("::1", 0))
    except OSError as error:
        reason = error.strerror or "refused"
        return False, f"no IPv6 on this machine ({reason}): switch it on, or use IPv4"
    return True, ""


def http2_right() -> tuple[bool, str]:
    """Tell whether HTTP/2 can be spoken, or why not."""
    if find_spec("h2") is None:
        return False, "HTTP/2 needs the package h2: pip install 'pangea[h2]', restart"
    return True, ""
