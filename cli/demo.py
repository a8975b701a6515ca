"""`pangea demo`: look at Pangea before anything of yours is watched."""

import asyncio
import signal
import tempfile
from pathlib import Path

import click
import uvloop

from .group import Command
from .session import Session

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
    with (
        tempfile.TemporaryDirectory(prefix="pangea-demo-") as place,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(_show(session, Path(place), listen, until_s))
    return 0


async def _show(
    session: Session, place: Path, listen: str, until_s: float | None
) -> None:
    from pangea.demo.cluster import Cluster
    from pangea.demo.story import ISOLATED
    from pangea.demo.targets import Targets
    from pangea.selftest.node import own_command

    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    session.note("starting a coordinator and five workers")
    async with Targets(place) as targets:
        cluster = Cluster(place, own_command(), listen)
        try:
            await cluster.start()
            targets.isolated = cluster.pid(ISOLATED)
            await cluster.watch(targets)
            print(f"open      {cluster.url}", f"log in    {cluster.code}", sep="\n")
            print(STORY, flush=True)
            session.note("Ctrl-C ends it, and nothing is left")
            try:
                async with asyncio.timeout(until_s):
                    await ended.wait()
            except TimeoutError:
                session.note("the demo is over")
        finally:
            await cluster.stop()
