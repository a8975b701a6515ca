"""Turns what OpenSSL says of a broken connection into a failure with its cause."""

import re

from OpenSSL import SSL

from pangea.core.failure import ProbeFailed
from pangea.core.text import safe_text

_NO_TLS = {
    "wrong version number",
    "http request",
    "packet length too long",
    "record layer failure",
}
_TOO_LARGE = {"excessive message size"}
#: OpenSSL's sentences for alerts; some versions leave the word out in some
_ALERT = re.compile(r"(?:sslv3|tls|ssl/tls|tlsv1|tlsv13) (?:alert )?(.+)")
_WORDLESS = {
    "unsupported extension",
    "certificate unobtainable",
    "unrecognized name",
    "bad certificate status response",
    "bad certificate hash value",
}
_SPELLED = {"user_cancelled": "user_canceled"}


class Refused(ProbeFailed):
    """The server ended the handshake with the *alert* of that name.

    Names are those of RFC 8446 section 6, such as ``certificate_required``;
    ``unknown`` for a number that has none.
    """

    def __init__(self, alert: str, detail: str) -> None:
        super().__init__("tls_handshake", detail)
        self.alert = alert


class NoTls(ProbeFailed):
    """What answers does not speak TLS."""


def from_openssl(error: SSL.Error, *, asked: bool = False) -> ProbeFailed:
    """Return *error* as the failure it means.

    *asked* tells whether the server had asked for a certificate of ours.
    """
    said = _last_words(error)
    alert = alert_in(said)
    if alert:
        also = ", having asked for a client certificate" if asked else ""
        detail = f"the server refused the handshake with the alert {alert}{also}"
        return Refused(alert, detail)
    if said in _NO_TLS:
        detail = f"the server does not speak TLS on this port ({said})"
        return NoTls("tls_handshake", detail)
    if said in _TOO_LARGE:
        detail = "the server sends more than 100 KiB of certificates"
    else:
        detail = f"the TLS handshake failed: {said}"
    return ProbeFailed("tls_handshake", detail)


def alert_in(said: str) -> str:
    """Return the name of the alert that OpenSSL's sentence tells of, else ""."""
    if not said:
        # What OpenSSL has no sentence for is an alert without a number in the RFC.
        return "unknown"
    found = _ALERT.fullmatch(said)
    if not found or not (" alert " in said or found[1] in _WORDLESS):
        return ""
    name = found[1].replace(" ", "_")
    return _SPELLED.get(name, name)


def _last_words(error: SSL.Error) -> str:
    if isinstance(error, SSL.ZeroReturnError):
        return "the server said goodbye"
    entries = error.args[0] if error.args and isinstance(error.args[0], list) else []
    return safe_text(entries[-1][2] if entries else error)
