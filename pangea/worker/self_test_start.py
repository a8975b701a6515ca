"""Bringing a worker's self-test up, if it is wanted."""

from collections.abc import Callable
from pathlib import Path

from pangea.core.clock import Clock
from pangea.core.config import SelfTestTable
from pangea.probes.tools import Tools
from pangea.storage.spool import Spool

from .clock_offset import ClockOffset
from .disk import Disk
from .lag import LagMeter
from .peers import Peers
from .self_test import Wellness
from .self_test_checks import Checks, Linked
from .self_test_memory import NAME

#: Makes the self-test of an agent from what is the agent's own.
StartWellness = Callable[[Tools, LagMeter, Disk, Callable[[], Linked | None]], Wellness]


def self_test_of(
    table: SelfTestTable,
    state_dir: Path,
    spool: Spool,
    offset: ClockOffset,
    clock: Clock,
    peers: Peers | None,
) -> StartWellness | None:
    """Return what makes the self-test that *table* asks for, None if it is off."""
    if table.mode == "off":
        return None

    def start(
        tools: Tools, lag: LagMeter, disk: Disk, link: Callable[[], Linked | None]
    ) -> Wellness:
        checks = Checks(table, tools, lag, disk, clock, link=link, peers=peers)
        return Wellness(
            checks,
            lag,
            offset,
            clock,
            interval_s=table.interval,
            path=state_dir / NAME,
            boot=spool.boot,
            boots=spool.boots,
        )

    return start
