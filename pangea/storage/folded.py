"""How far the rollups are: for each shard of jobs, the last row they contain.

Jobs are folded in shards, so that no fold keeps the one writer busy for long.
"""

from collections.abc import Sequence

from . import settings

#: The number of shards, and of neighbouring jobs that go together, because their
#: rollups lie on the same pages. Changing either would misread what is stored.
SHARDS = 64
NEIGHBOURS = 64
_KEY = "folded_to"


def shard_of(job: int) -> int:
    """Return the shard of a job."""
    return job // NEIGHBOURS % SHARDS


def folded() -> list[int]:
    """Return the last row of ``result`` that the rollups contain, by shard."""
    text = settings.get(_KEY)
    return [int(n) for n in text.split(",")] if text else [0] * SHARDS


def folded_to() -> int:
    """Return the last row up to which the rollups contain every result."""
    return min(folded())


def put_folded(rows: Sequence[int]) -> None:
    """Store how far each shard is."""
    settings.put(_KEY, ",".join(map(str, rows)))
