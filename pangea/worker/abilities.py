"""What this worker can ask, and what not, with the reason and the way out."""

from pangea.probes.base import PROBES, load_builtin
from pangea.probes.heartbeat import TYPE as HEARTBEAT
from pangea.probes.icmp_socket import icmp_right
from pangea.probes.traceroute import traceroute_right


def abilities() -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the probe types of this version, and why some cannot run here."""
    load_builtin()
    lacks = {}
    for type_, right in (("icmp", icmp_right), ("traceroute", traceroute_right)):
        able, how = right()
        if not able:
            lacks[type_] = how
    # Heartbeats are told to the coordinator, so no worker is asked to probe them.
    return tuple(sorted(PROBES.keys() - {HEARTBEAT})), lacks
