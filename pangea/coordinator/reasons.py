"""Why verdicts are what they are: decisions kept, and evidence gathered."""

import asyncio
from typing import TYPE_CHECKING

from .evidence import Gathering, Write
from .explaining import Explaining

if TYPE_CHECKING:
    from .coordinator import Coordinator

#: Between two looks for incidents that opened late.
LOOK_S = 1.0


class Reasons:
    """Both follow judging after the incidents, for their lines stand there."""

    def __init__(self, coordinator: "Coordinator") -> None:
        board, clock = coordinator.board, coordinator.clock
        self.explaining = Explaining(board, clock)
        self.gathering = Gathering(board, coordinator.reception.asking, clock)

    async def run(self, write: Write) -> None:
        """Gather, and see to incidents that open late, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.gathering.run(write), name="evidence")
            tasks.create_task(self._look(write), name="late incidents")

    async def _look(self, write: Write) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            decided, jobs = self.explaining.look()
            if jobs:
                await write(decided)
            for job in jobs:
                self.gathering.want(job)
