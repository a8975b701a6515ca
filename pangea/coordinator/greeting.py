"""What the console says when a coordinator is up: where, how to log in, what next."""

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pangea import __version__
from pangea.core.config import NodeConfig
from pangea.mesh.dial import show_address
from pangea.mesh.interfaces import local_addresses

if TYPE_CHECKING:
    from .front import Front


def greet(
    config: NodeConfig,
    state_dir: Path,
    front: "Front",
    code: str | None,
    *,
    watches: bool,
) -> None:
    """Print the greeting to standard output; *code* only at the first start."""
    seen = (front.places, code, front.fingerprint)
    print(greeting(config, state_dir, *seen, watches=watches), flush=True)
    if not sys.stdout.isatty():
        sys.stdout.flush()


def greeting(
    config: NodeConfig,
    state_dir: Path,
    places: list[str],
    code: str | None,
    fingerprint: str = "",
    *,
    watches: bool = False,
) -> str:
    """Return the lines that a person needs next; if it *watches* there are jobs."""
    lines = [f"pangea {__version__} is up"]
    lines += [f"  open      {url}" for url in places]
    if fingerprint:
        lines.append(f"  tls       the certificate is SHA-256 {fingerprint}")
    if config.server.tls_proxies:
        named = ", ".join(config.server.tls_proxies)
        lines.append(f"  tls       also behind a proxy at {named}")
    if code:
        lines.append(f"  log in    {code}   (shown this once; keep it)")
    else:
        lines.append("  log in    with your access code")
    lines += _how_to_join(config, state_dir, places)
    here = shlex.quote(str(state_dir))
    if watches:
        lines.append(f"  next      pangea --state-dir {here} status")
    else:
        lines.append(f"  first     pangea --state-dir {here} job add http example.com")
    plain = [url for url in places if url.startswith("http:")]
    if not config.server.public and not all(map(_is_local, plain)):
        lines.append(
            "  note      plain HTTP: codes and data cross the network unencrypted"
        )
    return "\n".join(lines)


def _how_to_join(
    config: NodeConfig, state_dir: Path, places: list[str]
) -> Iterator[str]:
    """Yield how another machine joins: by a token, or with the secret in a file."""
    ways = join_lines(state_dir, places, public=config.server.public)
    if ways.only_here:
        yield (
            "  worker    other machines cannot reach loopback; for that, start with "
            f"--listen 0.0.0.0:{config.listen[1]}"
        )
        return
    yield "  worker    here, and on another machine:"
    yield from (f"            {command}" for command in ways.token)
    if ways.secret:
        yield "            or, for many machines, with the cluster's secret in a file:"
        yield from (f"            {command}" for command in ways.secret)
        if "mdns" in config.mesh.discovery:
            yield "            (with the file --join may be left out on the same link)"


class JoinLines(NamedTuple):
    """The commands that add a worker, each pair one here and one on its machine.

    By *token*, which names this coordinator and works once, and with the cluster's
    *secret* in a file, nothing in public. With *only_here* they lead nowhere from
    another machine.
    """

    token: list[str]
    secret: list[str]
    only_here: bool


NO_LINES = JoinLines([], [], False)


def join_lines(
    state_dir: Path, places: list[str], *, public: bool = False
) -> JoinLines:
    """Return how to add a worker; right from whatever directory it is typed."""
    far = next((url for url in places if not _is_local(url)), "")
    at = (far or places[0]).removeprefix("http://")
    here = shlex.quote(str(state_dir.absolute()))
    token = [
        f"pangea --state-dir {here} worker token",
        "pangea run --role worker --join TOKEN",
    ]
    secret = [
        f"pangea --state-dir {here} secret show > pangea.secret",
        "pangea run --role worker --secret-file pangea.secret "
        f"--join {shlex.quote(at)}",
    ]
    return JoinLines(token, [] if public else secret, only_here=not (far or public))


def urls(host: str, port: int, *, tls: bool = False) -> list[str]:
    """Return the addresses that a browser can open, this machine's first."""
    scheme = "https" if tls else "http"
    if host not in ("0.0.0.0", "::", ""):
        return [_url(scheme, host, port)]
    found = [interface.ip for interface in local_addresses()]
    reached = [a for a in found if a.version == 4 or host == "::"]
    far = [a for a in reached if not (a.is_loopback or a.is_link_local)]
    reach = ["127.0.0.1", *far[:4]]
    return [_url(scheme, str(address), port) for address in reach]


def _url(scheme: str, host: str, port: int) -> str:
    return f"{scheme}://{show_address(host, port)}"


def _is_local(url: str) -> bool:
    place = url.partition("://")[2]
    return place.startswith(("127.", "localhost", "[::1]"))
