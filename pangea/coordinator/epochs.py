"""New epochs of workers: each start of a spool begins one, and each is kept long."""

import asyncio

from pangea.core.clock import Clock
from pangea.mesh.limits import Buckets

#: Epochs that a worker may begin at once, and how many more a second.
AT_ONCE, PER_S = 1000.0, 10.0
#: So many workers are remembered that have begun some lately.
REMEMBERED = 4096


class NewEpochs:
    """Holds those back that begin too many; nothing of theirs is refused."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._left = Buckets(AT_ONCE, PER_S, REMEMBERED)

    async def hold_back(self, worker: int) -> None:
        """Wait until *worker* may begin another epoch."""
        source = str(worker)
        # Time alone fills the bucket: there is no event.
        while self._left.is_empty(source, self._clock.monotonic()):  # noqa: ASYNC110
            await asyncio.sleep(1.0 / PER_S)
        self._left.take(source, self._clock.monotonic())
