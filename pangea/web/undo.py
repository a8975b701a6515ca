"""What stops of many jobs stopped, so that one key starts just those again."""

import secrets
from collections import OrderedDict
from collections.abc import Mapping

from aiohttp import web

from .schema import JobAnswer

#: So many stops of an organisation can be taken back; the oldest is forgotten first.
KEPT = 20

#: Jobs by name, each with the moment since when it stands.
Stopped = Mapping[str, str | None]


class Undo:
    """The last stops of many jobs; a restart forgets them."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, str], Stopped] = OrderedDict()

    def note(self, org: int, stopped: Stopped) -> str:
        """Keep what was stopped in *org*; return the word to ask for it with."""
        token = secrets.token_urlsafe(9)
        self._kept[org, token] = stopped
        mine = [key for key in self._kept if key[0] == org]
        for key in mine[:-KEPT]:
            del self._kept[key]
        return token

    def stopped(self, org: int, token: str) -> Stopped:
        """Return what was stopped; nothing if it is forgotten or another's."""
        return self._kept.get((org, token), {})

    def take(self, org: int, token: str) -> Stopped:
        """Return the same, and forget it: a stop is taken back once."""
        return self._kept.pop((org, token), {})


def stands(job: JobAnswer, since: str | None) -> bool:
    """Tell whether *job* was neither started nor stopped anew since it was stopped."""
    return not job.enabled and job.verdict_since == since


UNDO: "web.AppKey[Undo]" = web.AppKey("undo")
