"""Commands: a program is run with the message as JSON on its input."""

from typing import ClassVar

import msgspec
from msgspec import Struct

from pangea.core.errors import UsageError
from pangea.core.options import secret_names
from pangea.core.text import safe_text

from . import child
from .document import document
from .notifier import Message, NotSent, Refused
from .place import in_words
from .tools import Tools

#: Exit codes that no further try would change: usage, permission, configuration
#: (sysexits.h), and those of what cannot be run.
_FINAL = {64, 77, 78, 126, 127}
#: A program that is not there, or may not be run: that does not pass by itself.
_NEVER = (FileNotFoundError, PermissionError, NotADirectoryError, IsADirectoryError)


class ExecOptions(Struct, frozen=True, kw_only=True):
    """``program`` by its whole path, as ``alerts.exec`` allows it, and its ``args``."""

    program: str
    args: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.program.startswith("/") or "\0" in self.program:
            raise ValueError("program: wanted a path from the root on")
        if len(self.args) > 50 or any("\0" in a or len(a) > 4000 for a in self.args):
            raise ValueError("args: wanted 50 at most, of 4000 characters at most")


class Exec:
    """Runs a program of the coordinator's machine."""

    TYPE: ClassVar[str] = "exec"
    DOES: ClassVar[str] = "a program on the coordinator's machine"
    Options: ClassVar[type[Struct]] = ExecOptions
    SECRETS: ClassVar[frozenset[str]] = secret_names(ExecOptions)

    def __init__(self, tools: Tools) -> None:
        self._programs = tools.programs

    def place(self, options: ExecOptions) -> str:
        """Return the program."""
        return safe_text(options.program, 200)

    def possible(self, options: ExecOptions) -> None:
        """Raise UsageError unless the configuration allows the program."""
        if options.program not in self._programs:
            raise UsageError(
                f"exec: {safe_text(options.program)} is not among the programs that "
                "this coordinator runs",
                hint="name it in alerts.exec of its configuration: "
                f'exec = ["{safe_text(options.program)}"]',
            )

    async def check(self, options: ExecOptions) -> None:
        """Raise UsageError if no message could ever be sent like this."""
        self.possible(options)

    async def send(
        self, message: Message, options: ExecOptions, timeout_s: float
    ) -> str:
        """Run the program; what it printed is the answer if it ends with 0.

        Raises Refused for the exit codes 64, 77, 78, 126 and 127, NotSent for others.
        """
        try:
            self.possible(options)
        except UsageError as error:
            raise Refused(str(error), hint=error.hint) from error
        given = msgspec.json.encode(document(message))
        try:
            ended = await child.run([options.program, *options.args], given)
        except _NEVER as error:
            raise Refused(f"it cannot be run: {in_words(error)}") from error
        printed = safe_text(ended.output.strip(), 200)
        if ended.code == 0:
            return printed or "it ended well"
        how = f"signal {-ended.code}" if ended.code < 0 else f"code {ended.code}"
        said = f"it ended with {how}" + (f": {printed}" if printed else "")
        raise (Refused if ended.code in _FINAL else NotSent)(said)
