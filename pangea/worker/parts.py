"""A set of assignments that comes in parts is taken as one."""

from pangea.core.errors import ProtocolError
from pangea.core.model import Assignment
from pangea.mesh.messages import Desired

#: More assignments than any worker can probe.
MOST_ASSIGNMENTS = 200_000


class Parts:
    """Gathers the parts of a change until the last one is there."""

    def __init__(self) -> None:
        self._base: int | None = None
        self._next: int | None = None
        self._put: dict[int, Assignment] = {}
        self._drop: dict[int, None] = {}

    def add(self, part: Desired) -> Desired | None:
        """Return the whole change if *part* ends it, else None.

        A part that does not follow the one before it begins another change.
        Raises ProtocolError if there are too many assignments.
        """
        if self._next is None or part.base != self._next:
            self._base, self._put, self._drop = part.base, {}, {}
        for job in part.drop:
            self._put.pop(job, None)
            self._drop[job] = None
        self._put.update((assignment.job, assignment) for assignment in part.put)
        if max(len(self._put), len(self._drop)) > MOST_ASSIGNMENTS:
            raise ProtocolError(f"more than {MOST_ASSIGNMENTS:,} assignments")
        self._next = part.version if part.more else None
        if part.more:
            return None
        put, self._put = tuple(self._put.values()), {}
        drop, self._drop = tuple(self._drop), {}
        return Desired(part.version, self._base, put, drop)
