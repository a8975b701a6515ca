"""A batch on its way into the database."""

from collections.abc import Callable

from msgspec import Struct

from pangea.core.model import Worker
from pangea.mesh.messages import Ack, Batch


class Parcel(Struct):
    """A batch that ``came``; ``answer`` sends the ack, ``refuse`` ends the link."""

    worker: Worker
    batch: Batch
    answer: Callable[[Ack], None]
    refuse: Callable[[str], None]
    #: On the monotonic clock.
    came: float

    @property
    def last(self) -> int:
        """The last number that the batch speaks of."""
        last = self.batch.first + len(self.batch.rows) - 1 if self.batch.rows else 0
        return max([last, *(gap.last for gap in self.batch.gaps)])
