"""Waits for the refusal that TLS 1.3 sends only after the handshake."""

from pangea.core.failure import ProbeFailed

from .base import Trace
from .tls_wire import TlsWire

#: seconds of silence after which a server has accepted us
QUIET_S = 1.0


async def settle(
    tls: TlsWire, trace: Trace, *, shown: bool = False, until_end: bool = False
) -> None:
    """Return when the server has accepted us; where it may refuse, it is awaited.

    It may in TLS 1.3 if it asked for a certificate; *shown* tells whether we have
    one. With *until_end* a refusal is waited for in any case. The phase is
    ``accept``. Raises Refused, ProbeFailed ``closed``, ``reset``.
    """
    asked = tls.wants_certificate
    if not until_end and not (asked and tls.version == "TLSv1.3"):
        return
    with trace.phase("accept"):
        quiet_s = QUIET_S + 2 * trace.phases.get("connect", 0.0) / 1000
        settled = await tls.settle(quiet_s, until_end=until_end)
    if settled == "closed" and asked and not shown and not until_end:
        detail = "the server asked for a client certificate and closed the connection"
        raise ProbeFailed("closed", detail)
