"""What the console says when a coordinator is up: where, how to log in, what next."""

import shlex
import sys
from pathlib import Path

from pangea import __version__
from pangea.core.config import NodeConfig
from pangea.mesh.dial import show_address
from pangea.mesh.interfaces import local_addresses


def greet(
    config: NodeConfig,
    state_dir: Path,
    places: list[str],
    code: str | None,
    fingerprint: str = "",
) -> None:
    """Print the greeting to standard output; *code* only at the first start."""
    print(greeting(config, state_dir, places, code, fingerprint), flush=True)
    if not sys.stdout.isatty():
        sys.stdout.flush()


def greeting(
    config: NodeConfig,
    state_dir: Path,
    places: list[str],
    code: str | None,
    fingerprint: str = "",
) -> str:
    """Return the lines that a person needs next."""
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
    lines.append(
        "  worker    with a token, on another machine:"
        if config.server.public
        else "  worker    on another machine, with the cluster secret in a file:"
    )
    commands = join_lines(state_dir, places, by_token=config.server.public)
    lines += [f"            {command}" for command in commands]
    if "mdns" in config.mesh.discovery:
        lines.append("            (on the same link --join may be left out)")
    here = shlex.quote(str(state_dir))
    lines.append(f"  first     pangea --state-dir {here} job add http example.com")
    plain = [url for url in places if url.startswith("http:")]
    if not config.server.public and not all(map(_is_local, plain)):
        lines.append(
            "  note      plain HTTP: codes and data cross the network unencrypted"
        )
    return "\n".join(lines)


def join_lines(
    state_dir: Path, places: list[str], *, by_token: bool = False
) -> list[str]:
    """Return the commands that add a worker: one here, one on its machine.

    They are right from whatever directory they are typed.
    """
    far = next((url for url in places if not _is_local(url)), places[0])
    here = shlex.quote(str(state_dir.absolute()))
    if by_token:
        return [
            f"pangea --state-dir {here} worker token",
            "pangea run --role worker --join TOKEN",
        ]
    return [
        f"pangea --state-dir {here} secret show > pangea.secret",
        "pangea run --role worker --secret-file pangea.secret "
        f"--join {shlex.quote(far.removeprefix('http://'))}",
    ]


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
