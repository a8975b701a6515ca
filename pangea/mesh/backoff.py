"""How long to wait before dialling again."""

from collections.abc import Callable

_LONGEST = 60.0


def reconnect_delay(attempt: int, random: Callable[[], float]) -> float:
    """Return the seconds before try *attempt*, counted from 0.

    Exponential from 1 to 60 s with full jitter, so that a thousand workers do
    not return at once; *random* gives a number from 0 to 1.
    """
    return random() * min(_LONGEST, 2.0 ** min(attempt, 10))
