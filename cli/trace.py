"""`pangea trace`: which way do packets take to a host, also from workers?"""

import click

from .group import Command
from .ping import FAMILY
from .probe import ask
from .probe_from import FROM_HELP, LOCAL, Question
from .session import Session


@click.command("trace", cls=Command)
@click.argument("host")
@click.option(
    "--max-hops", type=click.IntRange(1, 64), default=30, help="No further than that."
)
@click.option(
    "--queries", type=click.IntRange(1, 10), default=2, help="Packets for each hop."
)
@click.option(
    "--mode",
    type=click.Choice(("auto", "icmp", "udp")),
    default="auto",
    help="What is sent; auto: icmp where that is allowed.",
)
@click.option("--family", type=FAMILY, default="any", help="Of the address.")
@click.option("--from", "from_", default=LOCAL, metavar="WHO", help=FROM_HELP)
@click.pass_obj
def command(
    session: Session,
    host: str,
    max_hops: int,
    queries: int,
    mode: str,
    family: str,
    from_: str,
) -> int:
    """Trace the way to HOST from here, or from workers, side by side.

    \b
    pangea trace 192.0.2.1
    pangea trace example.com --from london,site-b

    It is the traceroute probe; exit codes are those of `pangea probe`.
    """
    options = {
        "max_hops": max_hops,
        "queries": queries,
        "mode": mode,
        "family": family,
    }
    return ask(session, Question("traceroute", host, options), count=1, from_=from_)
