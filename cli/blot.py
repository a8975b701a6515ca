"""Blots passwords out of what `ps` shows of this process; only Linux lets us."""

import ctypes
import os
import sys
from collections.abc import Iterable

from .session import Session

#: Fields of /proc/self/stat: where the arguments begin and end in memory.
_BEGIN, _END = 47, 48


def hide(session: Session, *places: str) -> None:
    """Take the passwords of databases out of what other users here see, and say so."""
    from pangea.core.database_url import passwords

    secrets = [secret for place in places for secret in passwords(place)]
    if any(map(is_shown, secrets)):
        blot(secrets)
        session.note(
            "the password of the database stood in the command line, for all to see:"
            " better give the URL by PANGEA_DATABASE or a file, or let it name one"
            " (passfile=)"
        )


def blot(secrets: Iterable[str]) -> None:
    """Write ``*`` over *secrets* in the arguments of this process, if that can be.

    Python read its own copy when it started.
    """
    wanted = [secret.encode() for secret in secrets if secret]
    if not wanted or not sys.platform.startswith("linux"):
        return
    try:
        with open("/proc/self/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        with open("/proc/self/cmdline", "rb") as file:
            shown = file.read()
        # Two fields stand before the closing parenthesis.
        begin, end = int(fields[_BEGIN - 2]), int(fields[_END - 2])
    except (OSError, ValueError, IndexError):
        return
    # What does not hold what is shown is not what the system reads.
    if end - begin != len(shown) or ctypes.string_at(begin, end - begin) != shown:
        return
    for secret in wanted:
        at = shown.find(secret)
        while at >= 0:
            ctypes.memset(begin + at, ord("*"), len(secret))
            at = shown.find(secret, at + len(secret))


def is_shown(secret: str) -> bool:
    """Return whether the arguments of this process hold *secret*, for all to see."""
    try:
        with open(f"/proc/{os.getpid()}/cmdline", "rb") as file:
            return secret.encode() in file.read()
    except OSError:
        return any(secret in word for word in sys.argv)
