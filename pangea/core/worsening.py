"""What an incident says of how many fail, while that grows."""

import re
from collections.abc import Collection, Mapping

from msgspec.structs import replace

from .incident import Incident, Step, put
from .model import Verdict, VoteValue

#: Of more members than that only the head's reason is followed.
MOST_FOLLOWED = 50
_COUNT = re.compile(r"(\d{1,9}) of \d{1,9} (failed|warn)\b")
#: What is counted while it is so.
_COUNTED = {Verdict.DOWN: "failed", Verdict.DEGRADED: "warn"}


def worsen(incident: Incident, job: int, reason: str, at_us: int) -> Step:
    """Return *incident* with the *reason* of a member that is bad if more say so.

    It tells of the most that have failed, or warned where none is down, also while
    they recover one by one.
    """
    member, head = incident.members[job], incident.head or incident.job
    followed = job == head or len(incident.members) <= MOST_FOLLOWED
    word = "" if member.recovered_us else _COUNTED.get(member.verdict, "")
    grows = _count(reason, word) > _count(member.reason, word) > 0
    if not (followed and grows):
        return Step(incident)
    worse = replace(member, reason=reason)
    return Step(put(incident, worse, at_us), (), (job,))


def recounted(
    reason: str, votes: Mapping[int, VoteValue | None], seats: Collection[int]
) -> str:
    """Return *reason* with how many of those on *seats* vote so at another moment."""
    found = _COUNT.match(reason)
    if not found:
        return reason
    value = VoteValue.FAILED if found[2] == "failed" else VoteValue.WARN
    count = sum(votes.get(worker) is value for worker in seats)
    if not count:
        return reason
    return f"{count} of {len(seats)} {found[2]}{reason[found.end() :]}"


def _count(reason: str, word: str) -> int:
    """Return how many a reason like ``2 of 3 failed`` tells of, 0 if by no *word*."""
    found = _COUNT.match(reason)
    return int(found[1]) if found and found[2] == word else 0
