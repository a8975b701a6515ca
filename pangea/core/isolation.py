"""Which workers are alone in what they see: they fail what the others reach.

Pure, and counted as votes change. Only what others reach at the same time or later
tells: in an outage somebody is the first to see it, and what the others said before
is no proof that they would reach the target now.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Container, Iterable, Mapping

from msgspec import Struct

#: It begins with so many targets, and with more than this share of them; it ends
#: below the other share.
LEAST = 3
BEGINS, ENDS = 0.5, 0.25
#: So many that nobody trusts are witnesses against one that is trusted and among
#: them alone, if all of them say the same.
STRANGERS = 2
_CAUSE = "isolated"


class Said(Struct, frozen=True):
    """What a worker says of a target: that it ``failed``, since ``at``, or not.

    Of one that did not fail ``at`` is when it was last reached; None is a voter that
    was not heard. Who is not ``trusted`` is no witness against those that are.
    """

    worker: int
    failed: bool | None
    at: float = 0.0
    trusted: bool = True


class _Heard:
    """Those that count as witnesses against each other."""

    def __init__(self, said: Iterable[Said]) -> None:
        said = list(said)
        self.voters = len(said)
        self._heard = sum(s.failed is not None for s in said)
        self._good = sorted(s.at for s in said if s.failed is False)

    def is_alone(self, one: Said, *, known: bool) -> bool | None:
        """Tell whether *one*, who is among them, is alone; None: nobody knows.

        Of two, while others are not heard, neither is believed against the other;
        but who is *known* to be isolated is not well because a witness went silent.
        """
        if not one.failed:
            return False if len(self._good) > 1 else None
        enough = known or self._heard >= min(3, self.voters)
        return True if enough and 2 * self._since(one) >= self._heard else None

    def is_alone_among_strangers(self, one: Said) -> bool | None:
        """Tell the same of the only one that is trusted: all others must agree."""
        since = self._since(one)
        return True if since >= STRANGERS and since == self._heard - 1 else None

    def _since(self, one: Said) -> int:
        """Return how many have reached it since *one* began to fail."""
        return len(self._good) - bisect_left(self._good, one.at)


def alone_in(said: Iterable[Said], known: Container[int] = ()) -> dict[int, bool]:
    """Return, for each worker that others can be held against, whether it is alone.

    True: it fails what at least half of those that are heard have reached since, so
    that one that lies silences nobody but where there are only two. False: another
    reaches it as well. Who fails what fewer have reached since is left out, for
    nobody knows. Those *known* to be isolated need but one witness.
    """
    said = list(said)
    if not any(s.failed for s in said):
        good = [s.worker for s in said if s.failed is False]
        return dict.fromkeys(good, False) if len(good) > 1 else {}
    everybody = trusted = _Heard(said)
    if not all(s.trusted for s in said):
        trusted = _Heard(s for s in said if s.trusted)
    found = {}
    for one in said:
        if one.failed is None:
            continue
        if not (one.trusted and one.failed):
            alone = everybody.is_alone(one, known=one.worker in known)
        elif trusted.voters > 1:
            alone = trusted.is_alone(one, known=one.worker in known)
        else:
            alone = everybody.is_alone_among_strangers(one)
        if alone is not None:
            found[one.worker] = alone
    return found


class Isolation:
    """Counts per worker over all targets; ``put`` each that changed."""

    def __init__(self) -> None:
        self._found: dict[int, Mapping[int, bool]] = {}
        self._seen: Counter[int] = Counter()
        self._alone: Counter[int] = Counter()
        #: The workers that are isolated, each with the cause in words.
        self.isolated: dict[int, str] = {}

    def put(self, job: int, said: Iterable[Said]) -> None:
        """Take what is said of *job* now."""
        after, before = alone_in(said, self.isolated), self._found.get(job, {})
        if after == before:
            return
        self._seen.subtract(before.keys())
        self._seen.update(after.keys())
        self._alone.subtract(w for w, alone in before.items() if alone)
        self._alone.update(w for w, alone in after.items() if alone)
        if after:
            self._found[job] = after
        else:
            self._found.pop(job, None)

    def drop(self, job: int) -> None:
        """Forget *job*."""
        self.put(job, ())

    def keep(self, jobs: Container[int]) -> None:
        """Forget all but *jobs*."""
        for job in [known for known in self._found if known not in jobs]:
            self.drop(job)

    def tells_of(self, worker: int) -> bool:
        """Tell whether *worker* can be held against others on enough targets."""
        return self._seen[worker] >= LEAST

    def look(self, worker: int) -> bool:
        """Decide anew whether *worker* is isolated; tell whether that changed."""
        was = worker in self.isolated
        alone, seen = self._alone[worker], self._seen[worker]
        if was and is_isolated(alone, seen, was=True):
            return False  # the words stay those with which it began
        if is_isolated(alone, seen, was=was):
            self.isolated[worker] = (
                f"{_CAUSE}: fails {alone} of {seen} that others reach"
            )
        elif was:
            del self.isolated[worker]
        return was != (worker in self.isolated)


def is_isolated(alone: int, seen: int, *, was: bool) -> bool:
    """Tell whether a worker is isolated that is *alone* in so many of what it saw."""
    if was:
        return alone > 0 and alone >= ENDS * seen
    return alone >= LEAST and alone > BEGINS * seen


def is_isolation(cause: str) -> bool:
    """Tell whether the *cause* of a void vote is that its worker was isolated."""
    return cause.startswith(_CAUSE)
