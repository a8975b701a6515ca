"""What pages are told before it is stored: in order, and much of it in steps."""

from collections import deque

from .decided import Decided
from .telling import Telling
from .walk import STEP, Spell


class Early:
    """Tells what was decided as what is not stored yet.

    While much is being told, what comes then waits until that was: a page must not
    hear what was before after what is.
    """

    def __init__(self, telling: Telling) -> None:
        self._telling = telling
        self._waiting: deque[Decided] = deque()
        self._is_going = False

    def tell(self, decided: Decided) -> None:
        """Tell a little at once, or when what was decided before has been told."""
        if self._is_going:
            self._waiting.append(decided)
        else:
            self._tell(decided, 0, None)

    async def tell_in_steps(self, decided: Decided) -> None:
        """Tell however much, and what comes meanwhile."""
        self._waiting.append(decided)
        if self._is_going:
            return
        self._is_going, spell = True, Spell()
        try:
            while self._waiting:
                some = self._waiting.popleft()
                for at in range(0, max(len(some.transitions), len(some.told)), STEP):
                    self._tell(some, at, at + STEP)
                    await spell.rest()
        finally:
            # What is left when this is cancelled is told once it is stored.
            self._is_going = False
            self._waiting.clear()

    def _tell(self, decided: Decided, begin: int, end: int | None) -> None:
        verdicts = decided.transitions[begin:end]
        self._telling.verdicts(verdicts, decided.drilled, provisional=True)
        self._telling.early(decided.told[begin:end])
