"""Opens one TCP connection to one address, after finding it."""

import socket
from collections.abc import Sequence
from typing import Any, Literal

from pangea.core.failure import ProbeError, ProbeFailed
from pangea.core.text import safe_text

from .base import Trace
from .local_route import connect_failure
from .system_names import SystemNames
from .target import bracketed, is_address
from .wire import SockAddr, Wire

Family = Literal["any", "ipv4", "ipv6"]

FAMILIES = {
    "any": socket.AF_UNSPEC,
    "ipv4": socket.AF_INET,
    "ipv6": socket.AF_INET6,
}
#: the resolver is the machine's, so all probes of the process share the threads
NAMES = SystemNames()

_NO_ADDRESS = {
    getattr(socket, name)
    for name in ("EAI_NODATA", "EAI_ADDRFAMILY")
    if hasattr(socket, name)
}


async def resolve(host: str, family: Family, trace: Trace) -> str:
    """Return the first address that the system's resolver gives for *host*.

    A literal address costs nothing and leaves no phase. Raises ProbeFailed
    ``name_not_found``, ``no_address`` or ``resolver_failed``, ProbeError
    ``overload``.
    """
    if is_address(host):
        return literal(host, family)
    with trace.phase("resolve"):
        try:
            found = await NAMES.look_up(host, FAMILIES[family])
        except socket.gaierror as error:
            if await _has_others(error, host, family):
                raise no_address(host, family) from error
            raise _resolver_said(error, host, family) from error
    return _first_address(found, host, family)


async def connect(address: str, port: int, trace: Trace) -> Wire:
    """Open a connection to *address*, one try; the phase is ``connect``.

    Raises ProbeFailed or ProbeError as the system's error number means.
    """
    trace.readings["address"] = address
    doing = f"connect to {bracketed(address)}:{port}"
    wire: Wire | None = None
    with trace.phase("connect") as phase:
        try:
            family, where = _socket_address(address, port, doing)
            wire = Wire(family)
            phase.until = phase.begun + await wire.connect(where)
        except OSError as error:
            _close(wire)
            raise connect_failure(error, address, doing) from error
        except BaseException:
            _close(wire)
            raise
    return wire


def _close(wire: Wire | None) -> None:
    if wire:
        wire.close()


def _socket_address(
    address: str, port: int, doing: str
) -> tuple[socket.AddressFamily, SockAddr]:
    """Return what a socket connects to; an address of one link needs its zone."""
    if ":" not in address:
        return socket.AF_INET, (address, port)
    bare, _, zone = address.partition("%")
    if not zone and not address.startswith("fe80:"):
        return socket.AF_INET6, (address, port, 0, 0)
    try:
        index = int(zone) if zone.isdigit() else socket.if_nametoindex(zone)
    except OSError as error:
        missing = f"no interface {zone!r}" if zone else "the address needs its zone"
        raise ProbeError("no_route", f"{doing}: {missing}") from error
    return socket.AF_INET6, (bare, port, 0, index)


def literal(host: str, family: Family) -> str:
    """Return the address *host*; ProbeFailed ``no_address`` for another family."""
    if family != "any" and (":" in host) != (family == "ipv6"):
        raise ProbeFailed("no_address", f"{host} is not an {family} address")
    return host


def _first_address(found: Sequence[tuple[Any, ...]], host: str, family: Family) -> str:
    for entry in found:
        match entry[-1]:
            case (str(address), _, _, int(zone)) if zone:
                return f"{address.partition('%')[0]}%{zone}"
            case (str(address), *_):
                return address
    raise no_address(host, family)


async def _has_others(error: socket.gaierror, host: str, family: Family) -> bool:
    """Tell whether *host* has addresses, though none of *family*.

    The hosts file of glibc says of both that the name does not exist.
    """
    if family == "any" or error.errno != socket.EAI_NONAME:
        return False
    try:
        return bool(await NAMES.look_up(host, FAMILIES["any"]))
    except (socket.gaierror, UnicodeError):
        return False


def _resolver_said(error: socket.gaierror, host: str, family: Family) -> ProbeFailed:
    said = safe_text(error.strerror or error)
    if error.errno in _NO_ADDRESS:
        return no_address(host, family)
    if error.errno == socket.EAI_NONAME:
        return ProbeFailed("name_not_found", f"the name {host} does not exist")
    if error.errno == socket.EAI_MEMORY:
        return ProbeError("no_resources", f"resolving {host}: {said}")
    return ProbeFailed("resolver_failed", f"resolving {host}: {said}")


def no_address(host: str, family: Family) -> ProbeFailed:
    """Return the failure of a name without addresses of *family*."""
    wanted = "" if family == "any" else f"{family} "
    return ProbeFailed("no_address", f"the name {host} has no {wanted}address")
