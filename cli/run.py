"""`pangea run`: start a coordinator or a worker, and stay until told to stop."""

from collections.abc import Callable
from typing import Any

import click

from .blot import hide
from .given import table_of
from .group import Command
from .session import Session

ROLES = ("coordinator", "worker")
DISCOVERY = ("mdns", "dns", "static")


def setting(*names: str, env: str = "", **more: Any) -> Callable[[Any], Any]:
    """Return an option that is a setting: the environment is read as a layer."""
    variable = env or "PANGEA_" + names[-1].lstrip("-").upper().replace("-", "_")
    more["help"] = f"{more['help']}  [env var: {variable}]"
    return click.option(*names, allow_from_autoenv=False, **more)


@click.command("run", cls=Command)
@setting("--role", type=click.Choice(ROLES), help="What to be (coordinator).")
@setting(
    "--listen",
    metavar="HOST:PORT",
    help="Where to listen (0.0.0.0:7464); a worker may also be off.",
)
@setting("--name", metavar="N", help="Name of this node (the machine's).")
@setting("--region", metavar="R", help="Where it stands, for people.")
@setting("--location", metavar="LAT,LON", help="Where it stands, in degrees.")
@setting("--tag", multiple=True, metavar="K=V", help="For --on tag:K=V; repeatable.")
@setting(
    "--join",
    multiple=True,
    metavar="ADDR|TOKEN",
    help="A coordinator: [https://]HOST:PORT, or a join token of it.",
)
@setting("--secret-file", metavar="F", help="Holds the secret of the cluster.")
@setting(
    "--admission",
    type=click.Choice(("secret", "approve")),
    help="Who gets in without a token: holders of the secret, or who is approved.",
)
@setting(
    "--discovery",
    multiple=True,
    type=click.Choice(DISCOVERY),
    help="How to find each other; static is --join alone.",
)
@setting(
    "--tls",
    type=click.Choice(("auto", "off")),
    help="TLS on the port; auto makes a certificate if none is given.",
)
@setting("--tls-cert", metavar="F", help="Certificate with its chain, in PEM.")
@setting("--tls-key", metavar="F", help="Its key, in PEM.")
@setting(
    "--tls-proxy",
    multiple=True,
    metavar="ADDR",
    help="A proxy that speaks TLS in front of this port; repeatable.",
)
@setting("--public", is_flag=True, help="For a port that strangers reach.")
@setting(
    "--database",
    metavar="PATH|URL",
    help="SQLite file (STATE_DIR/pangea.db), or postgresql://USER@HOST/NAME.",
)
@setting("--no-local-worker", is_flag=True, help="Coordinator without a worker.")
@setting("--log-format", type=click.Choice(("console", "json")), help="Form of logs.")
@setting(
    "--log-level",
    type=click.Choice(("debug", "info", "warning", "error")),
    help="How much to log (info).",
)
@click.pass_obj
def command(session: Session, /, **given: Any) -> int:
    """Start a coordinator (with a worker of its own) or a worker.

    \b
    pangea run                                    coordinator and worker
    pangea run --role worker --join 10.0.0.5      a worker of that coordinator
    pangea run --role worker --secret-file s.txt  one that finds it by itself
    """
    from .settings import resolve

    config = resolve(session, flags_of(given)).config
    hide(session, config.database)
    from pangea.node import run

    return run(config)


def flags_of(given: dict[str, Any]) -> dict[str, Any]:
    """Return the options that were given as values of the configuration."""
    from pangea.core.layers import quoted

    from .settings import ENVIRONMENT

    paths = {
        name.removeprefix("PANGEA_").lower(): path for name, path in ENVIRONMENT.items()
    }
    flags: dict[str, Any] = {}
    for name, value in given.items():
        if name == "tag":
            tags = table_of("--tag", value)
            flags |= {f"node.tags.{quoted(key)}": tag for key, tag in tags.items()}
        elif name == "no_local_worker":
            flags |= {paths[name]: False} if value else {}
        elif name == "public":
            flags |= {paths[name]: True} if value else {}
        elif value not in (None, ()):
            flags[paths[name]] = list(value) if isinstance(value, tuple) else value
    return flags
