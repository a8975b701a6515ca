"""Writes the manual pages from the commands themselves: one page a command."""

import inspect
import re
import sys
from pathlib import Path

import click

from pangea import __version__
from pangea.cli.main import root

HEAD = '.TH "{name}" "1" "" "Pangea {version}" "Pangea"\n.SH NAME\n{name} \\- {short}\n'


def roff(text: str) -> str:
    """Return *text* so that nothing in it is taken for a request."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^([.'])", r"\\&\1", escaped, flags=re.MULTILINE)


def paragraphs(text: str) -> str:
    """Return help as paragraphs; what follows a backspace keeps its lines."""
    out = []
    for part in text.split("\n\n"):
        if part.startswith("\b"):
            out.append(f".PP\n.nf\n{roff(part[1:].lstrip(chr(10)))}\n.fi\n")
        else:
            out.append(f".PP\n{roff(' '.join(part.split()))}\n")
    return "".join(out)


def page(command: click.Command, path: list[str]) -> str:
    """Return the manual page of a command."""
    context = click.Context(command, info_name=" ".join(path))
    help_text = inspect.cleandoc(command.help or command.short_help or "")
    name = "-".join(path)
    short = roff(command.get_short_help_str(100).rstrip("."))
    usage = roff(" ".join([*path, *command.collect_usage_pieces(context)]))
    parts = [HEAD.format(name=name, version=__version__, short=short)]
    parts.append(f".SH SYNOPSIS\n{usage}\n.SH DESCRIPTION\n{paragraphs(help_text)}")
    records = [
        record
        for parameter in command.get_params(context)
        if (record := parameter.get_help_record(context))
    ]
    if records:
        parts.append(".SH OPTIONS\n")
        parts += [f".TP\n.B {roff(left)}\n{roff(right)}\n" for left, right in records]
    if isinstance(command, click.Group):
        parts.append(".SH COMMANDS\n")
        for child, found in _children(command, context):
            short = roff(found.get_short_help_str(100))
            parts.append(f".TP\n.BR {name}\\-{roff(child)} (1)\n{short}\n")
    return "".join(parts)


def _children(
    group: click.Group, context: click.Context
) -> list[tuple[str, click.Command]]:
    named = ((n, group.get_command(context, n)) for n in group.list_commands(context))
    return [(name, found) for name, found in named if found and not found.hidden]


def write(command: click.Command, path: list[str], folder: Path) -> int:
    """Write the pages of a command and of those below it; return how many."""
    (folder / f"{'-'.join(path)}.1").write_text(page(command, path))
    if not isinstance(command, click.Group):
        return 1
    context = click.Context(command, info_name=" ".join(path))
    children = _children(command, context)
    return 1 + sum(write(found, [*path, name], folder) for name, found in children)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    print(write(root, ["pangea"], target), "pages in", target)
