"""What stops of many jobs stopped, so that one key starts just those again."""

import secrets
from collections import OrderedDict
from collections.abc import Sequence

from aiohttp import web

#: So many stops can be taken back; the oldest is forgotten first.
KEPT = 20


class Undo:
    """The last stops of many jobs; a restart forgets them."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[int, tuple[str, ...]]] = OrderedDict()

    def note(self, org: int, names: Sequence[str]) -> str:
        """Keep what was stopped in *org*; return the word to ask for it with."""
        token = secrets.token_urlsafe(9)
        self._kept[token] = org, tuple(names)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return token

    def stopped(self, org: int, token: str) -> tuple[str, ...]:
        """Return the names of the jobs; none if it is forgotten or another's."""
        of, names = self._kept.get(token, (org, ()))
        return names if of == org else ()


UNDO: "web.AppKey[Undo]" = web.AppKey("undo")
