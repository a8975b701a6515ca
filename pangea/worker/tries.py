"""Which of the addresses that were found deserve another try yet."""

import random
from collections import OrderedDict
from collections.abc import Callable

from pangea.core.clock import Clock
from pangea.mesh.dial import Address

LONGEST_S = 60.0
#: Addresses that are remembered; of more, the oldest are forgotten.
MOST = 64


class Tries:
    """Waits for each address by itself: 1 s after a failure, doubled up to 60 s."""

    def __init__(
        self, clock: Clock, jitter: Callable[[], float] = random.random
    ) -> None:
        self._clock = clock
        self._jitter = jitter
        self._failed: OrderedDict[Address, tuple[int, float]] = OrderedDict()

    def due(self, address: Address) -> bool:
        """Tell whether *address* may be tried now."""
        _, after = self._failed.get(address, (0, 0.0))
        return self._clock.monotonic() >= after

    def failed(self, address: Address) -> None:
        """Note that *address* gave no link."""
        times, _ = self._failed.pop(address, (0, 0.0))
        wait = min(LONGEST_S, 2.0 ** min(times, 10)) * (0.5 + self._jitter() / 2)
        self._failed[address] = times + 1, self._clock.monotonic() + wait
        if len(self._failed) > MOST:
            self._failed.popitem(last=False)

    def good(self, address: Address) -> None:
        """Note that *address* gave a link."""
        self._failed.pop(address, None)
