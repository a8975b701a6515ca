"""Tells a connect that our own routes refused from one that the network refused."""

import errno
import os
import socket

from pangea.core.failure import ProbeError, ProbeFailed, from_os_error

from .datagram import literal

#: how a connect fails at unreachable, throw, prohibit and blackhole routes; all but
#: the last come from routers too (RFC 1122, section 3.2.2.1; RFC 4443, section 3.1)
_OF_ROUTES = frozenset(
    {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES, errno.EINVAL}
)
#: any port will do, for nothing is sent
_DISCARD = 9


def told_by_route(address: str) -> bool:
    """Tell whether this machine's own routes refuse the literal *address* now.

    To connect a datagram socket asks for a route and sends nothing, so it fails only
    where the route is missing, unreachable, prohibited or a blackhole; a neighbour
    that does not answer or a router that refuses cannot make it fail. Raises OSError
    if there is no socket to ask with.
    """
    family, where = literal(address, _DISCARD)
    with socket.socket(family, socket.SOCK_DGRAM) as asked:
        try:
            asked.connect(where)
        except OSError as error:
            return error.errno in _OF_ROUTES
    return False


def connect_failure(error: OSError, address: str, doing: str) -> ProbeFailed:
    """Return what *error* of a TCP connect to the literal *address* means.

    ProbeError ``no_route`` if our own routes refuse it, ProbeFailed ``unreachable``
    if the network does; what is not about routes is in the table of
    ``pangea.core.failure``. *doing* begins the sentence.
    """
    code = error.errno
    if code not in _OF_ROUTES:
        return from_os_error(error, doing)
    said = os.strerror(code).lower()
    if told_by_route(address):
        return ProbeError("no_route", f"{doing}: this worker has no route ({said})")
    if code == errno.ENETUNREACH or (code == errno.EACCES and ":" in address):
        # A router's "network unreachable"; in IPv6 its "administratively prohibited".
        return ProbeFailed("unreachable", f"{doing}: {said}")
    return from_os_error(error, doing)
