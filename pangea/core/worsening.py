"""What an incident says of how many fail, while that grows."""

import re

from msgspec.structs import replace

from .incident import Incident, Step, put
from .model import Verdict

#: Of more members than that only the head's reason is followed.
MOST_FOLLOWED = 50
_COUNT = re.compile(r"(\d{1,9}) of \d{1,9} failed")


def worsen(incident: Incident, job: int, reason: str, at_us: int) -> Step:
    """Return *incident* with the *reason* of a member that is down if more fail it.

    It tells of the most that have failed, also while they recover one by one.
    """
    member, head = incident.members[job], incident.head or incident.job
    followed = job == head or len(incident.members) <= MOST_FOLLOWED
    is_down = member.verdict is Verdict.DOWN and not member.recovered_us
    if not (followed and is_down and _failed(reason) > _failed(member.reason) > 0):
        return Step(incident)
    worse = replace(member, reason=reason)
    return Step(put(incident, worse, at_us), (), (job,))


def _failed(reason: str) -> int:
    """Return how many have failed as a reason like ``2 of 3 failed`` says, else 0."""
    found = _COUNT.match(reason)
    return int(found[1]) if found else 0
