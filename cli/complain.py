"""Errors for people: what happened, what to do next, and the exit code."""

import os
import re
import sys
from types import TracebackType

import click

from pangea.core.errors import PangeaError
from pangea.core.text import safe_text

INTERRUPTED = 130
BROKEN_PIPE = 141

_MEANT = re.compile(r"did you mean '(.+)'\?")


def wants_debug(args: list[str]) -> bool:
    """Return whether tracebacks are wanted, also while options are being read."""
    before_rest = args[: args.index("--")] if "--" in args else args
    return "--debug" in before_rest or os.environ.get("PANGEA_DEBUG", "") not in (
        "",
        "0",
    )


def complain(message: str, hint: str = "") -> None:
    """Write an error and the next step to stderr."""
    print(f"error: {_safe(message)}", file=sys.stderr)
    if hint:
        meant = _MEANT.fullmatch(hint)
        print(f"  try: {_safe(meant[1] if meant else hint)}", file=sys.stderr)


def explain(error: BaseException) -> int:
    """Write what *error* means and return the exit code."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        print(error.message, file=sys.stderr)
        return error.exit_code
    if isinstance(error, click.ClickException):
        message, _, hint = error.format_message().partition("\n")
        complain(message[:1].lower() + message[1:].rstrip("."), hint or _help(error))
        return error.exit_code
    if isinstance(error, PangeaError):
        complain(str(error), error.hint)
        return error.exit_code
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        return INTERRUPTED
    complain(f"a fault in Pangea: {type(error).__name__}: {error}", "--debug shows it")
    return 1


def catch_the_rest() -> None:
    """Let even an unforeseen error come out as one line."""
    sys.excepthook = _hook


def quiet_pipe() -> int:
    """Give up writing: the reader has seen enough; return the exit code."""
    # Python flushes stdout once more when it ends, and would complain.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return BROKEN_PIPE


def _hook(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    explain(error)


def _help(error: click.ClickException) -> str:
    ctx = error.ctx if isinstance(error, click.UsageError) else None
    return f"{ctx.command_path} --help" if ctx else ""


def _safe(text: str) -> str:
    return "\n".join(safe_text(line, 1000) for line in text.splitlines())
