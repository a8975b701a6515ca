"""Which ephemeral keys were seen lately: a repeated first message is refused."""

from collections import OrderedDict


class ReplayCache:
    """Remembers the last *capacity* keys for *lifetime* seconds (monotonic)."""

    def __init__(self, capacity: int = 16_384, lifetime: float = 600.0) -> None:
        self._capacity = capacity
        self._lifetime = lifetime
        self._seen: OrderedDict[bytes, float] = OrderedDict()

    def is_new(self, key: bytes, now: float) -> bool:
        """Remember *key* and tell whether it was not remembered before."""
        self._forget(now - self._lifetime)
        if key in self._seen:
            return False
        self._seen[key] = now
        if len(self._seen) > self._capacity:
            self._seen.popitem(last=False)
        return True

    def _forget(self, before: float) -> None:
        while self._seen:
            key, at = next(iter(self._seen.items()))
            if at > before:
                return
            del self._seen[key]
