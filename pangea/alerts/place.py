"""Finds the addresses of a name once, and connects only to those that are allowed."""

import asyncio
import ipaddress
import os
import socket
from typing import NamedTuple

from pangea.core.address_rule import AddressRule
from pangea.core.text import safe_text

from .notifier import NotSent, Refused

#: So many addresses of one name are tried at most.
MOST = 4


class Place(NamedTuple):
    """One address and port that may be connected to."""

    family: socket.AddressFamily
    where: tuple[str, int] | tuple[str, int, int, int]

    @property
    def address(self) -> str:
        """The address alone."""
        return self.where[0]


async def find(host: str, port: int, rule: AddressRule) -> list[Place]:
    """Return the places of *host* that *rule* allows.

    Raises Refused if there are addresses but none is allowed, NotSent if the name
    is not to be found now.
    """
    loop, shown = asyncio.get_running_loop(), safe_text(host, 100)
    refuse_literal(host, rule)
    asked = _literal(host) or host
    try:
        found = await loop.getaddrinfo(asked, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        said = getattr(error, "strerror", "") or "no such name"
        raise NotSent(f"looking up {shown}: {safe_text(said, 100)}") from error
    places: dict[str, Place] = {}
    refusals = []
    for family, _, _, _, where in found:
        address = str(where[0])
        if refusal := rule.refusal(address):
            refusals.append(f"{address}: {refusal}")
        else:
            places[address] = Place(family, (address, *where[1:]))
    if not places:
        raise forbidden(host, refusals, str(found[0][4][0]) if found else "")
    return list(places.values())[:MOST]


def refuse_literal(host: str, rule: AddressRule) -> None:
    """Raise Refused if *host* is an address by itself that *rule* closes."""
    literal = _literal(host)
    if literal and (refusal := rule.refusal(literal)):
        shown = refusal if literal == host else f"{literal}: {refusal}"
        raise forbidden(host, [shown], literal)


def _literal(host: str) -> str:
    """Return the address that *host* is by itself, "" if it must be looked up.

    ``127.1``, ``0x7f000001`` and ``2130706433`` are addresses to the system.
    """
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except (OSError, UnicodeError):
        return ""


def in_words(error: BaseException) -> str:
    """Return what the system says of an error, in short."""
    number = getattr(error, "errno", None)
    if isinstance(error, OSError) and isinstance(number, int) and number > 0:
        return os.strerror(number).lower()
    return safe_text(str(error) or type(error).__name__)


def forbidden(host: str, refusals: list[str], address: str) -> Refused:
    """Return the error of a *host* that no message may be sent to at *address*."""
    shown, why = safe_text(host, 100), "; ".join(refusals[:MOST])
    said = f"{shown} is closed to messages ({why or 'it has no address'})"
    plain = address.partition("%")[0] or "ADDRESS"
    return Refused(
        said,
        hint=f'if it is meant, write [alerts] allow = ["{plain}"] into the'
        " coordinator's pangea.toml (/etc/pangea/pangea.toml of a package), or set"
        f" PANGEA_ALERTS_ALLOW={plain}, and start it again",
    )


async def connect(host: str, port: int, rule: AddressRule) -> socket.socket:
    """Return a socket that is connected to *host*, address after address.

    Raises Refused and NotSent as ``find`` does, and NotSent if nobody answers.
    """
    loop, said = asyncio.get_running_loop(), ""
    for place in await find(host, port, rule):
        sock = socket.socket(place.family, socket.SOCK_STREAM)
        sock.setblocking(False)
        try:
            await loop.sock_connect(sock, place.where)
        except OSError as error:
            sock.close()
            said = in_words(error)
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise NotSent(f"connecting to {safe_text(host, 100)}:{port}: {said}")
