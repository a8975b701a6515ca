"""``[alerts]`` and ``[smtp]`` of the configuration: where messages may go, and how."""

import re
from ipaddress import ip_network
from typing import Literal

from msgspec import Struct

from .durations import Seconds
from .mail_address import parse_mail_address

#: How a mail server is spoken to: STARTTLS, TLS from the first byte, or in the clear.
MailTls = Literal["starttls", "tls", "off"]
_PORTS = {"starttls": 587, "tls": 465, "off": 25}
_URL = re.compile(r"https?://[^\s/?#@]+(?:[/?#][!-~]*)?")
_HOST = re.compile(r"[A-Za-z0-9_:.-]{1,253}")


class AlertsTable(Struct, frozen=True, kw_only=True):
    """``[alerts]``: what a coordinator may do to reach people.

    ``allow`` are networks to which messages may be sent though they are closed to
    them otherwise: this machine itself and its link always, private networks with
    ``server.public``. ``exec`` are the programs that channels may run, by their
    whole paths; ``apprise`` allows channels of that type, whose destinations nobody
    checks. ``proxy`` is ``http://HOST:PORT``, through which web hooks go out.
    ``heartbeat_url`` is called (GET) every ``heartbeat_every`` while the coordinator
    is well: who listens there tells people when that ends.
    """

    allow: tuple[str, ...] = ()
    exec: tuple[str, ...] = ()
    apprise: bool = False
    proxy: str = ""
    heartbeat_url: str = ""
    heartbeat_every: Seconds = Seconds(60)

    def __post_init__(self) -> None:
        for network in self.allow:
            try:
                ip_network(network, strict=False)
            except ValueError:
                raise ValueError(
                    f"allow: {network!r} is no address and no network"
                ) from None
        for program in self.exec:
            if not program.startswith("/"):
                raise ValueError(f"exec: {program!r}: wanted a path from the root on")
        if self.proxy and not re.fullmatch(
            r"http://[A-Za-z0-9._\[\]:-]+:[0-9]{1,5}/?", self.proxy
        ):
            raise ValueError(f"proxy: wanted http://HOST:PORT, got {self.proxy!r}")
        # What is in it is a secret to many services: it is not shown.
        if self.heartbeat_url and not _URL.fullmatch(self.heartbeat_url):
            raise ValueError("heartbeat_url: wanted http:// or https:// and a host")
        if self.heartbeat_every < 5:
            raise ValueError("heartbeat_every: wanted at least 5s")


class SmtpTable(Struct, frozen=True, kw_only=True):
    """``[smtp]``: the mail server of mail channels that name none, and of our own mail.

    Without a ``host`` no mail is sent. A ``port`` of 0 is the usual one: 587 for
    ``starttls``, 465 for ``tls``, 25 for ``off``. ``password_file`` holds the password.
    With ``tls_fingerprint`` (SHA-256) that certificate is taken, and no other.
    ``notify`` are told of new access codes and of logins from new places.
    """

    host: str = ""
    port: int = 0
    tls: MailTls = "starttls"
    user: str = ""
    password: str = ""
    password_file: str = ""
    sender: str = ""
    tls_fingerprint: str = ""
    notify: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        # Nothing that takes two keys: each may come from another place.
        check_mail_server(self.host, self.port, self.tls, "")
        if self.sender:
            parse_mail_address(self.sender, "sender")
        check_fingerprint(self.tls_fingerprint)
        for one in self.notify:
            parse_mail_address(one, "notify")


def usual_port(port: int, tls: MailTls) -> int:
    """Return *port*, or the one that mail servers use for *tls* where it is 0."""
    return port or _PORTS[tls]


def check_mail_server(host: str, port: int, tls: MailTls, user: str) -> None:
    """Raise ValueError for a mail server that cannot be."""
    if host and not _HOST.fullmatch(host):
        raise ValueError("host: wanted a name or an address")
    if not 0 <= port <= 65535:
        raise ValueError("port: wanted 1 to 65535, or 0 for the usual one")
    if tls == "off" and user:
        raise ValueError("user: a password is not sent in the clear; use tls")


def check_fingerprint(text: str) -> None:
    """Raise ValueError unless *text* is empty or a SHA-256 in hexadecimal."""
    if text and not re.fullmatch(r"(?:[0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}", text):
        raise ValueError("tls_fingerprint: wanted 64 hexadecimal digits (SHA-256)")
