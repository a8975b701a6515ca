"""The first jobs to offer: what every network has, read from this machine."""

import socket
import struct
from pathlib import Path

from pangea.web.schema import JobSpec, Starter

ROUTES = Path("/proc/net/route")
RESOLVERS = Path("/etc/resolv.conf")
CANARY = "one.one.one.one"


def starters(own_url: str) -> list[Starter]:
    """Return the jobs to offer; reads two files, sends nothing."""
    offers = []
    gateway = default_gateway(_read(ROUTES))
    if gateway:
        spec = JobSpec(type="icmp", target=gateway, name="gateway")
        offers.append(Starter(spec=spec, why="the default gateway"))
    for number, resolver in enumerate(name_servers(_read(RESOLVERS))[:2], 1):
        spec = JobSpec(
            type="dns",
            target=CANARY,
            name=f"resolver-{number}",
            options={"resolver": resolver},
        )
        offers.append(Starter(spec=spec, why=f"name server {resolver}"))
    own = JobSpec(
        type="http",
        target=f"{own_url}/healthz",
        name="pangea",
        # Over loopback no certificate has the right name; its end is still watched.
        options={"verify": False} if own_url.startswith("https:") else {},
    )
    offers.append(Starter(spec=own, why="this coordinator itself"))
    canary = JobSpec(type="icmp", target=CANARY, name="internet")
    offers.append(Starter(spec=canary, why="the internet, by a public resolver"))
    return offers


def default_gateway(routes: str) -> str | None:
    """Return the IPv4 default gateway in the text of /proc/net/route."""
    for line in routes.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 7 and fields[1] == "00000000" and int(fields[3], 16) & 2:
            return socket.inet_ntoa(struct.pack("<L", int(fields[2], 16)))
    return None


def name_servers(resolv_conf: str) -> list[str]:
    """Return the name servers in the text of /etc/resolv.conf."""
    pairs = (line.split() for line in resolv_conf.splitlines())
    return [p[1] for p in pairs if len(p) > 1 and p[0] == "nameserver"]


def _read(path: Path) -> str:
    try:
        return path.read_text()[:65536]
    except OSError:
        return ""
