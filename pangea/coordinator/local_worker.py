"""The coordinator's own worker: a child process over the ordinary loopback link.

It is a node of its own, with its own interpreter lock, so probing never waits for
judging or serving. It is started again when it dies, and it leaves when its
standard input ends, so a killed coordinator leaves no orphan.
"""

import asyncio
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from pangea.background import SUPERVISED

log = logging.getLogger(__name__)

#: A child that lived so long was well; the next start is at once.
WELL_S = 60.0
LONGEST_WAIT_S = 30.0
STOP_S = 12.0


class LocalWorker:
    """Keeps one child worker running; ``run`` until cancelled, then ``stop``."""

    def __init__(
        self,
        join: str,
        state_dir: Path,
        arguments: Sequence[str],
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._environment = dict(environment)
        self._command = [
            *own_command(),
            "--state-dir",
            str(state_dir / "worker"),
            "run",
            "--role",
            "worker",
            "--join",
            join,
            "--discovery",
            "static",
            "--listen",
            "127.0.0.1:0",
            "--secret-file",
            str(state_dir / "secrets.json"),
            *arguments,
        ]
        self._process: asyncio.subprocess.Process | None = None

    async def run(self) -> None:
        """Start the child, and again whenever it ends."""
        loop, wait = asyncio.get_running_loop(), 0.5
        while True:
            begun = loop.time()
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                env=child_environment(os.environ) | self._environment,
                start_new_session=True,
            )
            code = await self._process.wait()
            if loop.time() - begun > WELL_S:
                wait = 0.5
            log.warning("the local worker ended (%d); again in %g s", code, wait)
            await asyncio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT_S)

    async def stop(self) -> None:
        """End the child politely, then at once."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(STOP_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def own_command() -> list[str]:
    """Return how this program is called: the binary itself, or a module."""
    if getattr(sys, "frozen", False):
        return [sys.executable]
    return [sys.executable, "-m", "pangea"]


def child_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what the child may see: none of the coordinator's own settings."""
    kept = {k: v for k, v in environment.items() if not k.startswith("PANGEA_")}
    for name in ("PANGEA_LOG_FORMAT", "PANGEA_LOG_LEVEL"):
        if name in environment:
            kept[name] = environment[name]
    kept["PANGEA_CONFIG"] = os.devnull
    kept[SUPERVISED] = "1"
    return kept
