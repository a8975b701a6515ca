"""DNS over HTTPS: a POST of the message to a URL (RFC 8484)."""

import time
from typing import TYPE_CHECKING

from pangea.core.failure import ProbeFailed
from pangea.core.text import safe_text

from .base import Trace
from .connect import Family
from .dns_answer import Answer, checked
from .dns_stream import Secure
from .dns_wire import Query
from .http_engine import Habits, Head, fetch
from .http_request import Request
from .http_way import Way
from .target import Url

if TYPE_CHECKING:
    from .tools import Tools

_TYPE = "application/dns-message"
_HEADERS = (
    ("Content-Type", _TYPE),
    ("Accept", _TYPE),
    ("Accept-Encoding", "identity"),
)
#: a message is never longer
_LARGEST = 65_535
#: caches tell equal questions by equal bytes, so it is always zero (RFC 8484, 4.1)
_IDENTIFIER = 0


async def ask_https(
    query: Query,
    url: Url,
    family: Family,
    trace: Trace,
    tools: "Tools",
    secure: Secure,
) -> Answer:
    """Ask the server at *url*; the phases are those of the http probe.

    Raises ProbeFailed, ``status`` and ``header`` for answers that are no DoH.
    """
    identifier = _IDENTIFIER.to_bytes(2, "big")
    request = Request(url, "POST", _HEADERS, query.wire(_IDENTIFIER), secure.name, None)
    habits = Habits(Way(family), secure.verify, secure.ca_file, "off", _LARGEST, True)
    begun = time.perf_counter()
    answer = await fetch(request, habits, tools, trace)
    # To look up the server's name and to wait for our turn is not its time.
    ours = trace.phases.get("resolve", 0.0) + trace.aside_ms
    took = (time.perf_counter() - begun) * 1000 - ours
    reply = checked(query, _message(answer.head), identifier)
    return Answer(reply, took, "https")


def _message(head: Head) -> bytes:
    """Return the DNS message that came with *head*."""
    if head.status != 200:
        raise ProbeFailed("status", f"got status {head.status}, wanted 200")
    kind = head.headers.get("content-type", "")
    if kind.partition(";")[0].strip().lower() != _TYPE:
        got = f"got the content type {safe_text(kind, 100)!r}"
        raise ProbeFailed("header", f"{got}, wanted {_TYPE}")
    if head.body.full:
        raise ProbeFailed("too_large", f"the answer is larger than {_LARGEST} bytes")
    return bytes(head.body.kept)
