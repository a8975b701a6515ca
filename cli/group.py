"""Commands that take the global options anywhere, and groups that import late."""

import importlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import click
from click.core import ParameterSource

from .session import FLAG, Session

#: So many characters of a command's first sentence stand in the list of commands.
_WHOLE = 300
FORMS = ("table", "wide", "json", "jsonl", "csv", "name")
_AFTER = "The global options (see pangea --help) may stand here too."


class Command(click.Command):
    """A command that also takes the global options."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += list(global_options(on_root=False))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the command's last words, then where the rest is."""
        super().format_epilog(ctx, formatter)
        formatter.write_paragraph()
        formatter.write_text(_AFTER)


class Group(click.Group):
    """A group of commands that also takes the global options."""

    command_class = Command

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += list(global_options(on_root=False))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command, or say which one was perhaps meant."""
        if args and not args[0].startswith("-") and args[0] not in self._names(ctx):
            raise click.UsageError(_no_command(args[0], self._names(ctx)), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """Write the list of commands, the first sentence of each whole."""
        found = [
            (name, self.get_command(ctx, name)) for name in self.list_commands(ctx)
        ]
        shown = [(name, one) for name, one in found if one and not one.hidden]
        if shown:
            with formatter.section("Commands"):
                formatter.write_dl(
                    [(name, one.get_short_help_str(_WHOLE)) for name, one in shown]
                )

    def _names(self, ctx: click.Context) -> list[str]:
        return self.list_commands(ctx)


class LazyGroup(Group):
    """A group whose commands are imported when they are called.

    *lazy* maps a name to its module (relative to this package) and one line of
    help, so that the list of commands needs no import.
    """

    def __init__(
        self, *args: Any, lazy: Mapping[str, tuple[str, str]], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.lazy = lazy
        self.params = list(global_options(on_root=True))

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        return list(self.lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command *cmd_name*."""
        if cmd_name not in self.lazy:
            return None
        module = importlib.import_module(self.lazy[cmd_name][0], __package__)
        command: click.Command = module.command
        return command

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """Write the list of commands without importing one."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self.lazy.items()])


def global_options(*, on_root: bool) -> Iterator[click.Option]:
    """Yield the global options; below the root they are hidden and say less.

    Only those of the root read the environment, so that a flag after the command
    beats a flag before it, and both beat the environment.
    """
    shared = {
        "expose_value": False,
        "callback": _keep,
        "hidden": not on_root,
        "allow_from_autoenv": on_root,
        "show_envvar": on_root,
    }

    def option(*names: str, **more: Any) -> click.Option:
        return click.Option(names, **{**shared, **more})

    yield option("--server", metavar="URL", help="The coordinator to talk to.")
    yield option("--token-file", metavar="FILE", help="Holds the token to show it.")
    yield option("--ca-file", metavar="FILE", help="Vouches for the one of https.")
    yield option(
        "--tls-fingerprint", metavar="SHA256", help="Take this certificate alone."
    )
    yield option("--state-dir", metavar="DIR", help="Where a node keeps its state.")
    yield option("--config", metavar="FILE", help="Read this pangea.toml alone.")
    yield option("-o", "--output", type=click.Choice(FORMS), help="Form of the data.")
    yield option("--json", is_flag=True, help="The same as -o json.")
    yield option("-q", "--quiet", is_flag=True, help="Names only, and no remarks.")
    yield option("-v", "--verbose", is_flag=True, help="Tell what is being done.")
    yield option("--no-color", is_flag=True, help="No colours (as NO_COLOR).")
    yield option("--debug", is_flag=True, help="Show the traceback of an error.")
    if on_root:
        yield click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            allow_from_autoenv=False,
            callback=_version,
            help="Print the version of this program.",
        )


def _version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from pangea import __version__

        click.echo(f"pangea {__version__}")
        ctx.exit()


def _keep(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    """Store a global option where all commands find it."""
    session = ctx.find_root().ensure_object(Session)
    source = ctx.get_parameter_source(param.name or "")
    if source in (None, ParameterSource.DEFAULT):
        return
    if param.name == "json":
        session.output = "json" if value else session.output
        return
    name = param.name or ""
    on_line = source is ParameterSource.COMMANDLINE
    session.sources[name] = FLAG if on_line else f"PANGEA_{name.upper()}"
    setattr(session, name, value)


def _no_command(name: str, known: list[str]) -> str:
    from pangea.core.options import nearest
    from pangea.core.text import safe_text

    return f"there is no command {safe_text(name, 40)!r}\n{nearest(name, known)}"


def repeated(*names: str, **more: Any) -> Callable[[Any], Any]:
    """Return an option that may be given several times."""
    return click.option(*names, multiple=True, **more)
