"""Runs a node of either role: its state directory, its log, its event loop."""

import asyncio
import gc
from pathlib import Path

import uvloop

from pangea.background import plain
from pangea.core.config import NodeConfig
from pangea.core.errors import ConfigError
from pangea.frozen import begin_anew, settle_in
from pangea.logs import set_up_logging
from pangea.mesh.private_file import NO_ROOM, make_private_directory
from pangea.state_dir import hold, many_descriptors, no_core_dumps


def run(config: NodeConfig) -> int:
    """Run a node until a signal ends it; return the exit code.

    Raises ConfigError and NotAllowed for what a person has to mend.
    """
    set_up_logging(config.log.format, config.log.level)
    settle_in()
    no_core_dumps()
    many_descriptors()
    tune_collector()
    state_dir = Path(config.storage.state_dir)
    make_private_directory(state_dir)
    loop = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    try:
        with hold(state_dir), loop as runner:
            runner.run(_run(config, state_dir))
    except (OSError, ExceptionGroup) as group:
        error = plain(group)
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            raise ConfigError(
                f"{state_dir} cannot be written: {error.strerror}",
                hint="make room on that disk, "
                "or name another directory with --state-dir",
            ) from error
        raise error from group
    finally:
        begin_anew()
    return 0


async def _run(config: NodeConfig, state_dir: Path) -> None:
    # Each role imports its half only: a worker needs no templates and no tables.
    if config.node.role == "coordinator":
        from pangea.coordinator.node import run_coordinator

        await run_coordinator(config, state_dir)
    else:
        from pangea.worker.node import run_worker

        await run_worker(config, state_dir)


def tune_collector() -> None:
    """Look for cycles seldom: votes and states are many, live long, and have none.

    Measured with 100,000 series, the default costs a quarter of each result. But the
    youngest are looked at often enough: 50,000 of them held pages up for 90 ms each
    time while a flood of forged handshakes made cycles.
    """
    gc.set_threshold(5_000, 100, 250)
