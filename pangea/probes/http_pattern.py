"""Searches a whole body for a pattern, a stretch at a time and not for ever."""

import asyncio
import re
import time

from .banner import Pattern

#: seconds of computing that one search may take; a page takes some thousandths
MOST_S = 0.25
#: seconds after which other probes get their turn
TURN_S = 0.005
#: what looks at the text behind it, and so could be wrong at a stretch's end
_LOOKS_ON = re.compile(rb"[$]|\\[bBZ]|\(\?[!=]|[*+?}]\?")


class BodyPattern(Pattern):
    """A Pattern that is found anywhere, if what it matches is no longer than ``span``.

    The text is searched in stretches of ``room`` bytes, each beginning in the
    middle of the one before, so that the worst case stays bounded.
    """

    def __init__(self, text: str, what: str) -> None:
        super().__init__(text, what)
        self.span = self.room // 2
        self._looks_on = _LOOKS_ON.search(text.encode()) is not None

    async def search(self, body: bytes) -> tuple[bool, int]:
        """Return whether *body* holds the pattern, and how much was searched."""
        spent, turn = 0.0, TURN_S
        for at in range(0, max(1, len(body)), self.span):
            if spent > turn:
                turn = spent + TURN_S
                await asyncio.sleep(0)
            begun = time.perf_counter()
            end = min(at + self.room, len(body))
            found = self._compiled.search(body, at, end)
            spent += time.perf_counter() - begun
            if found and (end == len(body) or not self._doubtful(found, end)):
                return True, found.end()
            if end == len(body) or spent > MOST_S:
                return False, end
        return False, len(body)

    def _doubtful(self, found: re.Match[bytes], end: int) -> bool:
        """Tell whether more text could have made another thing of *found*."""
        return self._looks_on and found.end() >= end - 1
