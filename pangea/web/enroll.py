"""Accounts at the start: those of the configuration, or a first one."""

import asyncio
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pangea.core.errors import ConfigError
from pangea.core.model import FIRST_ORG

from .accounts import Accounts
from .codes import (
    GIVEN,
    LONGEST,
    SHORTEST,
    hash_code,
    make_code,
    new_salt,
    read_code,
    salt_of,
    same_hash,
)

log = logging.getLogger(__name__)

_NAMED = re.compile(r"([a-z0-9._-]{1,63}):(.+)")
_WHERE = "PANGEA_ACCOUNT_CODES"


@dataclass(frozen=True, slots=True)
class Given:
    """A code that a person chose, and whose it is."""

    name: str
    code: str


def read_codes(value: str) -> list[Given]:
    """Return the codes in *value*, or in the file that it names.

    One ``name:code`` or ``code`` (then its owner is ``admin``, ``admin-2`` …) a line
    or between commas; lines that begin with ``#`` are left out. Raises ConfigError,
    which never shows a code.
    """
    text = _from_file(value)
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    entries = [e.strip() for line in lines for e in line.split(",") if e.strip()]
    found: list[Given] = []
    for number, entry in enumerate(entries, 1):
        named = _NAMED.fullmatch(entry)
        name = named[1] if named else _free_name({g.name for g in found})
        given = Given(name, named[2].strip() if named else entry)
        _check(given, found, number)
        found.append(given)
    return found


def _from_file(value: str) -> str:
    path = Path(value.strip())
    try:
        if "\n" in value or not path.is_absolute():
            return value
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{_WHERE} names a file that cannot be read: {path}",
            hint=f"{error}; give a readable file, or the codes themselves",
        ) from error


def _check(given: Given, before: Sequence[Given], number: int) -> None:
    if not SHORTEST <= len(given.code) <= LONGEST:
        raise ConfigError(
            f"{_WHERE}: the code of entry {number} has {len(given.code)} characters",
            hint=f"between {SHORTEST} and {LONGEST} are read; longer is safer",
        )
    if any(given.name == other.name for other in before):
        raise ConfigError(
            f"{_WHERE}: {given.name!r} has two codes", hint="one account, one code"
        )
    if any(read_code(given.code) == read_code(other.code) for other in before):
        raise ConfigError(
            f"{_WHERE}: entry {number} repeats a code of another account",
            hint="a code tells who logs in; give each person their own",
        )


def _free_name(taken: set[str]) -> str:
    names = ("admin", *(f"admin-{n}" for n in range(2, len(taken) + 3)))
    return next(name for name in names if name not in taken)


async def sync_accounts(accounts: Accounts, codes: Sequence[Given]) -> None:
    """Make the chosen codes be exactly *codes*; made ones stay as they are.

    An account whose code changed or was taken away loses its sessions.
    """
    have = {a.name: a for a in await accounts.all() if a.prefix == GIVEN}
    known = next((salt_of(a.code_hash) for a in have.values()), None)
    salt = known or new_salt()
    for given in codes:
        hashed = await _hash(given.code, salt)
        old = have.pop(given.name, None)
        if old is None or not same_hash(old.code_hash, hashed):
            await accounts.put(FIRST_ORG, given.name, "admin", GIVEN, hashed)
            log.info("account %s logs in with the code of %s", given.name, _WHERE)
    for gone in have.values():
        await accounts.remove(gone.id)
        log.info("account %s is no longer in %s: removed", gone.name, _WHERE)


async def first_account(accounts: Accounts) -> str | None:
    """Make an administrator with a fresh code if there is none, and return the code.

    It is not stored and cannot be shown again.
    """
    have = await accounts.all()
    if any(account.role == "admin" for account in have):
        return None
    taken = {account.prefix for account in have}
    code = make_code()
    while read_code(code)[0] in taken:
        code = make_code()
    name = _free_name({account.name for account in have})
    hashed = await _hash(code, new_salt())
    await accounts.put(FIRST_ORG, name, "admin", read_code(code)[0], hashed)
    return code


async def _hash(code: str, salt: bytes) -> str:
    return await asyncio.to_thread(hash_code, read_code(code)[1], salt)
