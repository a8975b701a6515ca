"""How many failures of how many voters make a job down, and what makes it up."""

import re
from collections.abc import Collection, Mapping
from math import ceil

from msgspec import Struct

from .model import Worker
from .text import safe_text

#: Nobody is known by name or region.
NOBODY: Mapping[int, Worker] = {}
#: Larger numbers of workers or regions are slips of the keyboard.
MOST = 1000
_SHAPE = re.compile(r"(?a:(\d{1,4})|(\d{1,3}(?:\.\d{1,3})?)%|(\d{1,4})x(\d{1,4}))")


class Quorum(Struct, frozen=True):
    """Who must fail.

    ``kind`` is ``majority``, ``any``, ``all``, ``count`` (so many workers),
    ``share`` (so many percent) or ``regions`` (``count`` workers each in so many
    ``regions``; all of a region that has fewer).
    """

    kind: str = "majority"
    count: int = 0
    percent: float = 0.0
    regions: int = 0

    def __str__(self) -> str:
        """Return it as it is written in a rule."""
        if self.kind == "count":
            return str(self.count)
        if self.kind == "share":
            return f"{self.percent:g}%"
        if self.kind == "regions":
            return f"{self.regions}x{self.count}"
        return self.kind

    def needs(self, voters: int) -> int:
        """Return how many failures of *voters* make it down, at the least.

        Two, where there are two, unless ``any`` or ``1`` say otherwise.
        """
        if self.kind == "majority":
            return voters // 2 + 1
        if self.kind == "any":
            return 1
        if self.kind == "all":
            return voters
        if self.kind == "count":
            return min(self.count, voters)
        if self.kind == "share":
            wanted = ceil(self.percent * voters / 100 - 1e-9)
            return max(wanted, min(2, voters))
        return min(2, voters, self.regions * self.count)

    def fails(
        self,
        failed: Collection[int],
        voters: Collection[int],
        workers: Mapping[int, Worker] = NOBODY,
    ) -> bool:
        """Tell whether *failed* of *voters* are enough; *workers* have regions."""
        if not failed or len(failed) < self.needs(len(voters)):
            return False
        return self.kind != "regions" or self._in_regions(failed, voters, workers)

    def clears(
        self,
        good: Collection[int],
        voters: Collection[int],
        workers: Mapping[int, Worker] = NOBODY,
        silent: Collection[int] = (),
    ) -> bool:
        """Tell whether *good* of *voters* make it up.

        They do if all the others together could not make it down; with a majority
        only a strict one does, so that an even split moves nothing. Those *silent*
        cannot vote now: while nobody else is against it they hold nothing back.
        """
        if self.kind == "majority":
            return 2 * len(good) > len(voters)
        rest = [w for w in voters if w not in good]
        against = any(w not in silent for w in rest)
        return bool(good) and not (against and self.fails(rest, voters, workers))

    def lacks(
        self,
        failed: Collection[int],
        voters: Collection[int],
        workers: Mapping[int, Worker] = NOBODY,
    ) -> str:
        """Return what *failed* of *voters* lack to make it down, in words."""
        needed = self.needs(len(voters))
        said = f"{len(failed)} of {len(voters)} failed, {needed} needed"
        if self.kind != "regions":
            return said
        there, bad = _by_region(voters, workers), _by_region(failed, workers)
        short = [
            f"{bad.get(region, 0) or 'none'} in {safe_text(region, 40) or 'no region'}"
            for region, n in sorted(there.items())
            if bad.get(region, 0) < min(self.count, n)
        ]
        many = min(self.regions, len(there))
        where = "1 region" if many == 1 else f"{many} regions"
        return f"{said}, of {where}: {', '.join(short)}"

    def _in_regions(
        self,
        failed: Collection[int],
        voters: Collection[int],
        workers: Mapping[int, Worker],
    ) -> bool:
        """Tell whether enough regions have failed: of those that there are."""
        there, bad = _by_region(voters, workers), _by_region(failed, workers)
        down = [r for r, n in there.items() if bad.get(r, 0) >= min(self.count, n)]
        return len(down) >= min(self.regions, len(there))


def _by_region(ids: Collection[int], workers: Mapping[int, Worker]) -> dict[str, int]:
    """Return how many workers each region has; those without one are a region."""
    found: dict[str, int] = {}
    for number in ids:
        worker = workers.get(number)
        region = worker.region if worker else ""
        found[region] = found.get(region, 0) + 1
    return found


def read_quorum(word: str) -> Quorum | None:
    """Return the quorum that *word* means, None if it is none."""
    if word in ("majority", "any", "all"):
        return Quorum(word)
    found = _SHAPE.fullmatch(word)
    if not found:
        return None
    count, share, regions, each = found.groups()
    if share:
        return (
            Quorum("share", percent=float(share)) if 0 < float(share) <= 100 else None
        )
    if not all(1 <= int(n) <= MOST for n in (count or regions, each or "1")):
        return None
    if count:
        return Quorum("count", int(count))
    return Quorum("regions", int(each), regions=int(regions))
