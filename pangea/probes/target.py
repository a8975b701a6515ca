"""Reads targets as people write them: hosts, ports and URLs, strictly."""

import ipaddress
import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote

from pangea.core.errors import UsageError
from pangea.core.text import safe_text

MAX_LENGTH = 2048
PORT_OF = {"http": 80, "https": 443}

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
_ZONE = re.compile(r"[A-Za-z0-9._-]{1,15}")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_CREDENTIALS = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*://)?[^/?#\\]*@")
_IN_PATH = "/%:@!$&'()*+,;=-._~?[]"


class Url(NamedTuple):
    """An absolute URL; ``path`` holds the query and is ready for the wire."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def origin(self) -> tuple[str, str, int]:
        """What must be the same before a secret is sent along (RFC 6454)."""
        return self.scheme, self.host, self.port

    @property
    def authority(self) -> str:
        """Host and, unless it is the scheme's own, port: as ``Host`` wants it."""
        return self._with_port(self.host.partition("%")[0])

    def __str__(self) -> str:
        host = self._with_port(self.host.replace("%", "%25"))
        return f"{self.scheme}://{host}{self.path}"

    def _with_port(self, host: str) -> str:
        own = self.port == PORT_OF[self.scheme]
        return bracketed(host) if own else f"{bracketed(host)}:{self.port}"


def bracketed(host: str) -> str:
    """Return *host* as it stands before a port: IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host


def is_address(host: str) -> bool:
    """Tell whether a parsed *host* is an address, not a name."""
    return _address(host) is not None


def parse_host(target: str) -> str:
    """Return the host in *target*: a lower-case ASCII name or a bare address.

    Names outside ASCII become A-labels (IDNA 2008, UTS 46). IPv6 may stand in
    brackets and may have a zone. Raises UsageError for anything else.
    """
    text = _clean(target)
    if text.startswith("[") and text.endswith("]"):
        return _ipv6(text[1:-1], target)
    found = _address(text)
    if found:
        return found
    if "://" in text or "/" in text:
        raise _refusal(target, "is not a host", "leave away the scheme and the path")
    if ":" in text:
        raise _refusal(target, "is not a host", "leave away the port")
    return _name(text, target)


def parse_host_port(target: str, default_port: int | None) -> tuple[str, int]:
    """Return host and port of ``host:port``, ``[v6]:port`` or a bare host.

    With *default_port* None the port must be written. Raises UsageError.
    """
    text = _clean(target)
    if "://" in text or "/" in text:
        raise _refusal(target, "is not host:port", "leave away scheme and path")
    host, port = _split_port(text, target)
    if port is not None:
        return parse_host(host), port
    if default_port is None:
        example = bracketed(parse_host(host))
        raise _refusal(target, "names no port", f"write it like {example}:22")
    return parse_host(host), default_port


def parse_url(target: str, default_scheme: str = "https") -> Url:
    """Return *target* as an http or https URL; without a scheme it is https.

    The fragment is dropped and what may not stand in a path is
    percent-encoded. Raises UsageError, also for credentials in the URL.
    """
    text = _clean(target)
    found = _SCHEME.fullmatch(text)
    scheme = found[1].lower() if found else default_scheme
    rest = found[2] if found else text
    if scheme not in PORT_OF:
        wanted = "only http:// and https:// can be asked"
        raise _refusal(target, f"has the scheme {safe_text(scheme, 20)!r}", wanted)
    authority, path = _split_path(rest)
    host, port = _split_port(authority, target)
    host = parse_host(host)
    return Url(scheme, host, PORT_OF[scheme] if port is None else port, path)


def _clean(target: str) -> str:
    if not target or not target.strip():
        raise UsageError("the target is empty", hint="give a host, address or URL")
    if len(target) > MAX_LENGTH:
        raise UsageError(f"the target is longer than {MAX_LENGTH} characters")
    for char in target:
        if unicodedata.category(char)[0] in "CZ":
            what = "a space" if char.isspace() else "a control character"
            raise _refusal(target, f"contains {what}", "check what was pasted")
    if _CREDENTIALS.match(target):
        hint = "http takes them as --set user=… --set password=@FILE (or proxy_…)"
        raise UsageError("the target contains credentials", hint=hint)
    return target


def _split_path(rest: str) -> tuple[str, str]:
    cut = min((i for c in "/?#\\" if (i := rest.find(c)) >= 0), default=len(rest))
    path = rest[cut:].partition("#")[0]
    if not path.startswith("/"):
        path = "/" + path
    return rest[:cut], quote(path, safe=_IN_PATH)


def _split_port(authority: str, target: str) -> tuple[str, int | None]:
    if authority.startswith("["):
        host, closed, rest = authority.partition("]")
        if not closed or (rest and not rest.startswith(":")):
            raise _refusal(target, "has unmatched brackets", "write [address]:port")
        return host + "]", _port(rest[1:], target) if rest else None
    if _address(authority) or ":" not in authority:
        return authority, None
    host, _, port = authority.rpartition(":")
    return host, _port(port, target)


def _port(text: str, target: str) -> int:
    number = int(text) if re.fullmatch(r"[0-9]{1,5}", text) else 0
    if not 0 < number < 65536:
        raise _refusal(target, f"has no valid port: {safe_text(text, 20)!r}")
    return number


@lru_cache(maxsize=4096)
def _address(text: str) -> str | None:
    """Return the canonical form of an address, or None for anything else."""
    bare, percent, zone = text.partition("%")
    # RFC 6874 writes the percent sign of a zone as %25 inside URLs.
    zone = zone.removeprefix("25") if len(zone) > 2 else zone
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        return None
    if not percent:
        return str(address)
    if address.version == 4 or not _ZONE.fullmatch(zone):
        return None
    return f"{address}%{zone}"


def _ipv6(text: str, target: str) -> str:
    found = _address(text)
    if not found or ":" not in found:
        raise _refusal(target, "has no IPv6 address between its brackets")
    return found


def _name(text: str, target: str) -> str:
    name = text.lower() if text.isascii() else _to_ascii(text, target)
    labels = name.removesuffix(".").split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise _refusal(target, "is not a host name")
    if _NUMBER.fullmatch(labels[-1]):
        # The resolver would read 127.1 or 0x7f000001 as an address of its own.
        hint = "write an IPv4 address as four numbers from 0 to 255"
        raise _refusal(target, "is not an IPv4 address", hint)
    return name


def _to_ascii(text: str, target: str) -> str:
    import idna

    try:
        return idna.encode(text, uts46=True).decode("ascii").lower()
    except UnicodeError as error:
        why = f"is not a host name: {safe_text(error, 100)}"
        raise _refusal(target, why) from error


def _refusal(target: str, why: str, hint: str = "") -> UsageError:
    # What stands before an @ may be a password: never repeat it.
    shown = safe_text(
        "…" + target[target.rfind("@") :] if "@" in target else target, 100
    )
    return UsageError(f"the target {shown!r} {why}", hint=hint)
