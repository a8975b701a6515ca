"""One line of the route table: what aiohttp, the document and the tests read."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Auth = Literal["none", "viewer", "operator", "admin"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A method and path with its handler, its shapes and who may call it.

    ``query`` and ``body`` are the structs that are accepted, ``answer`` the one
    that is given (``list[T]``: a page of items of T) with the code ``status``, as
    ``media``.
    ``page`` marks what a person sees: HTML, forms, redirects to
    the login instead of a problem document. What ``streams`` writes as it goes, so
    that nobody can ask for its head alone.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    query: Any = None
    body: Any = None
    answer: Any = None
    auth: Auth = "viewer"
    page: bool = False
    status: int = 200
    media: str = "application/json"
    streams: bool = False

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that are answered: where GET is HEAD is, too."""
        also = self.method == "GET" and not self.streams
        return (self.method, "HEAD") if also else (self.method,)
