"""An answer as it came in, over whatever transport, and whether it is one."""

from typing import NamedTuple

from pangea.core.failure import ProbeFailed

from .dns_wire import Query, Reply, WireError


class Answer(NamedTuple):
    """A response, how long it took and which transport brought it."""

    reply: Reply
    duration_ms: float
    transport: str


def broken(error: WireError) -> ProbeFailed:
    """Return the failure of an answer that cannot be read."""
    return ProbeFailed("protocol", f"bad DNS answer: {error}")


def checked(query: Query, data: bytes, identifier: bytes) -> Reply:
    """Return *data*, which came over a connection, as the whole answer to *query*.

    Raises ProbeFailed ``protocol``, ``truncated``.
    """
    if len(data) >= 2 and data[:2] != identifier:
        raise ProbeFailed("protocol", "bad DNS answer: its identifier is not ours")
    try:
        if not query.is_answered_by(data):
            raise WireError("it answers another question")
    except WireError as error:
        raise broken(error) from error
    reply = Reply(data)
    if reply.truncated:
        detail = "the answer is cut though it came over a connection"
        raise ProbeFailed("truncated", detail)
    return reply
