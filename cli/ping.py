"""`pangea ping`: is a host there, how fast and how evenly, also from workers?"""

import click

from pangea.core.durations import parse_duration

from .group import Command
from .probe import ask
from .probe_from import FROM_HELP, LOCAL, Question
from .session import Session

FAMILY = click.Choice(("any", "ipv4", "ipv6"))


@click.command("ping", cls=Command)
@click.argument("host")
@click.option(
    "--count", type=click.IntRange(1, 100), default=5, help="So many packets."
)
@click.option("--gap", metavar="200ms", default="200ms", help="Between two of them.")
@click.option(
    "--size", type=click.IntRange(0, 65_500), default=56, help="Bytes of each."
)
@click.option("--family", type=FAMILY, default="any", help="Of the address.")
@click.option("--from", "from_", default=LOCAL, metavar="WHO", help=FROM_HELP)
@click.pass_obj
def command(
    session: Session,
    host: str,
    count: int,
    gap: str,
    size: int,
    family: str,
    from_: str,
) -> int:
    """Ping HOST from here, or from workers, and compare.

    \b
    pangea ping 192.0.2.1
    pangea ping example.com --from all --count 20

    It is the icmp probe; exit codes are those of `pangea probe`.
    """
    options = {
        "count": count,
        "gap_ms": round(float(parse_duration(gap)) * 1000, 3),
        "size": size,
        "family": family,
    }
    return ask(session, Question("icmp", host, options), count=1, from_=from_)
