"""Mail addresses: strictly read, so that nothing else travels in a header. Pure."""

import re
from typing import NamedTuple

from .text import safe_text

#: An addr-spec of RFC 5321 without quoting, and a host name or address literal.
_LOCAL = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9-]{1,63}"
_SPEC = re.compile(rf"({_LOCAL})@({_HOST}|\[[0-9A-Fa-f:.]+\])")
_NAMED = re.compile(r"([^<>\"\r\n\x00]{1,100}?)\s*<([^<> ]+)>")


class MailAddress(NamedTuple):
    """Who writes or reads: ``spec`` is ``local@host``, ``name`` is for people."""

    spec: str
    name: str = ""

    @property
    def host(self) -> str:
        """What stands behind the sign."""
        return self.spec.rpartition("@")[2]


def parse_mail_address(text: str, key: str) -> MailAddress:
    """Return ``local@host`` or ``Name <local@host>``; ValueError that names *key*."""
    named = _NAMED.fullmatch(text.strip())
    spec = named[2] if named else text.strip()
    found = _SPEC.fullmatch(spec)
    if not found or len(found[1]) > 64 or len(found[2]) > 255 or "=?" in text:
        shown = safe_text(text, 60)
        raise ValueError(f"{key}: {shown!r} is no mail address such as ops@example.com")
    name = safe_text(named[1].strip(), 100) if named else ""
    return MailAddress(spec, name)
