"""`pangea demo`: look at Pangea before anything of yours is watched."""

import asyncio
import signal
import tempfile
from contextlib import suppress
from pathlib import Path

import click
import uvloop

from .group import Command
from .session import Session

#: A signal of these ends it; the last one says that its terminal is gone, which
#: `nohup` ignores.
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STORY = """\
  after 15 s   shop answers 503 everywhere: down, up again at 50 s
  after 20 s   search is slow: degraded
  after 60 s   tokyo is cut off from everything: isolated, and nobody is paged
  after 130 s  api and db-primary are gone at once: one incident
  all along    intranet-cert has five days left"""


@click.command("demo", cls=Command)
@click.option(
    "--listen",
    default="127.0.0.1:7464",
    metavar="HOST:PORT",
    help="Where the demo's dashboard is.",
    show_default=True,
)
@click.option("--for", "seconds", metavar="10m", help="End by itself after so long.")
@click.pass_obj
def command(session: Session, listen: str, seconds: str | None) -> int:
    """Show a cluster of six processes that watches targets of its own.

    It needs nothing and leaves nothing behind; Ctrl-C ends it.
    """
    from pangea.core.durations import parse_duration

    until_s = parse_duration(seconds) if seconds else None
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_until_told(session, listen, until_s))
    return 0


async def _until_told(session: Session, listen: str, until_s: float | None) -> None:
    """Show it until a signal comes, also while it begins; then clear away."""
    shown = asyncio.create_task(_show(session, listen, until_s))

    loop, told = asyncio.get_running_loop(), asyncio.Event()

    def leave() -> None:
        if not told.is_set():  # else it is cleared away already
            told.set()
            shown.cancel()

    for number in ENDS:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            loop.add_signal_handler(number, leave)
    with suppress(asyncio.CancelledError):
        await shown


async def _show(session: Session, listen: str, until_s: float | None) -> None:
    from pangea.coordinator.local_worker import own_command
    from pangea.demo.cluster import Cluster
    from pangea.demo.story import ISOLATED
    from pangea.demo.targets import Targets

    session.note("starting a coordinator and five workers")
    with tempfile.TemporaryDirectory(prefix="pangea-demo-") as place:
        cluster = Cluster(Path(place), own_command(), listen)
        try:
            async with Targets(Path(place)) as targets:
                await cluster.start()
                targets.isolated = cluster.pid(ISOLATED)
                await cluster.watch(targets)
                print(f"open      {cluster.url}", f"log in    {cluster.code}", sep="\n")
                print(STORY, flush=True)
                session.note("Ctrl-C ends it, and nothing is left")
                with suppress(TimeoutError):
                    async with asyncio.timeout(until_s):
                        await cluster.until_it_ends()
                session.note("the demo is over")
        finally:
            await cluster.stop()
