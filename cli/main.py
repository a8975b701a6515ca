"""The root of all commands: options, exit codes, and nothing that takes time."""

import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from pangea.core.errors import PangeaError

from .complain import catch_the_rest, explain, quiet_pipe, wants_debug
from .group import LazyGroup
from .session import Session

COMMANDS = {
    "run": (".run", "Start a coordinator or a worker."),
    "job": (".job", "Add, list, change, stop and remove jobs."),
    "results": (".results", "Print what the probes of a job found."),
    "history": (".history", "Draw a job's past: chart, percentiles, uptime."),
    "uptime": (".uptime", "Print how much of the time a job was up, day by day."),
    "top": (".top", "Print the slowest jobs, or those that lose or flap most."),
    "status": (".status", "Print how everything is, and what to do next."),
    "incident": (".incident", "Print what is and was wrong; take care of it."),
    "backtest": (".backtest", "Try another rule on what has been."),
    "note": (".note", "Note what happened, such as a deployment."),
    "worker": (".worker", "List the workers and how they are."),
    "maintenance": (".maintenance", "Plan work on jobs or workers."),
    "channel": (".channel", "Add, try and change ways to reach people."),
    "mesh": (".mesh", "Print how the workers see each other."),
    "probe": (".probe", "Probe a target once, from here or from workers."),
    "ping": (".ping", "Ping a host, from here or from workers."),
    "trace": (".trace", "Trace the way to a host, from here or from workers."),
    "segment": (".segment", "Check who reaches whom, and who must not."),
    "config": (".config", "Check and show the configuration."),
    "secret": (".secret", "Make, print or rotate the secret of the cluster."),
    "drill": (".drill", "Let a job fail on purpose, and time each stage."),
    "rule": (".rule", "Say who is told of what, and when."),
    "delivery": (".delivery", "Print what was told to whom, and what was not."),
    "backup": (".backup", "Back the coordinator up into one sealed file."),
    "migrate": (".migrate", "Move the database to PostgreSQL, or back."),
    "restore": (".restore", "Put a backup into a state directory."),
    "completion": (".completion", "Print what a shell needs to complete commands."),
    "selftest": (".selftest", "Use every part of this program once."),
    "demo": (".demo", "Look at Pangea with targets of its own."),
    "doctor": (".doctor", "Say why discovery or joining does not work here."),
    "version": (".version", "Print the version of client and coordinator."),
}


class Root(LazyGroup):
    """The group that turns every error into words and an exit code."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> NoReturn:
        """Run one command and leave with its exit code."""
        given = list(sys.argv[1:] if args is None else args)
        _tolerate_narrow_terminals()
        try:
            answer = super().main(given, "pangea", standalone_mode=False, **extra)
        except (PangeaError, click.ClickException, click.Abort) as error:
            if wants_debug(given):
                raise
            sys.exit(explain(error))
        sys.exit(answer if isinstance(answer, int) else 0)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a reader of stdout that left early ends it quietly."""
        try:
            answer = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            return quiet_pipe()
        except PangeaError as error:
            # What it says to do next is to lead to the same coordinator.
            error.hint = ctx.ensure_object(Session).again(error.hint)
            raise
        return answer


def _tolerate_narrow_terminals() -> None:
    """Replace what an old terminal cannot show instead of dying of it."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure:
            reconfigure(errors="replace")


root = Root(
    "pangea",
    lazy=COMMANDS,
    no_args_is_help=True,
    context_settings={
        "auto_envvar_prefix": "PANGEA",
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
    },
    help="""A distributed network monitor: many vantage points, one honest verdict.

    \b
    pangea run                        start here: a coordinator and its worker
    pangea job add http example.com   watch something
    pangea status                     see how it is
    """,
    epilog="Every option is also an environment variable PANGEA_…; "
    "data goes to stdout, all else to stderr.",
)


def main() -> NoReturn:
    """Run the command line of this process."""
    if not wants_debug(sys.argv[1:]):
        catch_the_rest()
    root.main()
