"""A batch on its way into the database."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from msgspec import Struct

from pangea.core.model import Result, Worker
from pangea.mesh.messages import Ack, Batch
from pangea.storage import ingest


class Parcel(Struct):
    """A batch that ``came``; ``answer`` sends the ack, ``refuse`` ends the link."""

    worker: Worker
    batch: Batch
    answer: Callable[[Ack], None]
    refuse: Callable[[str], None]
    #: On the monotonic clock.
    came: float
    #: Whether its rows have their say in the verdicts already, and pages know them.
    judged: bool = False
    told: bool = False
    #: What is in it, if it is small and was read as it came.
    opened: ingest.Intake | None = None

    @property
    def last(self) -> int:
        """The last number that the batch speaks of."""
        last = self.batch.first + len(self.batch.rows) - 1 if self.batch.rows else 0
        return max([last, *(gap.last for gap in self.batch.gaps)])


def to_answer(parcels: Sequence[Parcel]) -> list[Parcel]:
    """Return, in order, those of a group whose acknowledgement is said.

    One answers all that came before it on its link in the same epoch. Where epochs
    alternate each turn is answered: a worker strikes off what it sent in that order.
    """
    following: dict[Callable[[Ack], None], str] = {}
    chosen = list[Parcel]()
    for parcel in reversed(parcels):
        if following.get(parcel.answer) != parcel.batch.epoch:
            chosen.append(parcel)
        following[parcel.answer] = parcel.batch.epoch
    return chosen[::-1]


def stored(
    intakes: Sequence[ingest.Intake],
    before: Mapping[tuple[int, str], int],
    marks: Mapping[tuple[int, str], int],
) -> Iterator[Result]:
    """Yield the rows that raised the watermarks from *before*; what came twice once."""
    reached = dict(before)
    for intake in intakes:
        key = (intake.worker, intake.epoch)
        known, mark = reached.get(key, 0), marks[key]
        begin = max(0, known + 1 - intake.first)
        rows = intake.rows[begin : max(0, mark + 1 - intake.first)]
        yield from [row for row in rows if row is not None]
        last = intake.first + len(intake.rows) - 1
        reached[key] = max(known, min(last, mark))
