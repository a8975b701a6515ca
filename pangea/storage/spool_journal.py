"""The spool's journal: a finished result lies here at once, until its group is stored.

One ``write`` a result, into the page cache only: it outlives ``kill -9``, not the
power. Two files take turns, so that one can be emptied while results go to the
other. Each record has a serial number of this life of the worker; the spool notes
in the transaction that stores a group how far the serials have come, so a crash
before the file is emptied doubles nothing.
"""

import logging
import os
import struct
import zlib
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from pangea.core.text import safe_text

log = logging.getLogger(__name__)

#: A file begins with this and the 16 bytes of the life that writes it.
MAGIC = b"PANGEAJ1"
LIFE_BYTES = 16
_RECORD = struct.Struct("<II")
_FIELDS = struct.Struct("<QqqqB")
#: No result is longer; a length beyond it is damage.
MOST_RECORD = 16 * 1024 * 1024
#: While the spool refuses for long, a file stops growing here.
MOST_BYTES = 32 * 1024 * 1024
#: So many of those that are not stored yet can be written once more.
MOST_ROWS = 10_000


class Row(NamedTuple):
    """One packed result. ``boot_ns`` is the boot clock at its start, 0 if unknown.

    ``rank`` is 1 if a verdict may turn on it, ``serial`` its place in the journal.
    """

    job: int
    started_us: int
    body: bytes
    boot_ns: int = 0
    rank: int = 0
    serial: int = 0


class Found(Struct, frozen=True):
    """What a life of the worker left behind: its rows in order."""

    life: str
    rows: list[Row]


class Journal:
    """Two files beside the spool, written by one process. Nothing here raises.

    What cannot be written is only less safe: it is still in memory. ``well`` tells
    whether the last result could be.
    """

    def __init__(self, spool: Path, life: str) -> None:
        self._paths = journal_paths(spool)
        self._life = bytes.fromhex(life)
        self._files = [-1, -1]
        self._ends = [0, 0]
        self._last = [0, 0]
        self._now = 0
        self._serial = 0
        #: What was written and is not stored yet.
        self._rows: deque[Row] = deque(maxlen=MOST_ROWS)
        self.well = True

    def open(self) -> None:
        """Begin with two empty files: what they held is in the spool."""
        self._files = [_open(path) for path in self._paths]
        self._ends = [0 if _empty(fd) else MOST_BYTES for fd in self._files]

    def append(
        self, job: int, started_us: int, body: bytes, boot_ns: int, rank: int
    ) -> Row:
        """Keep a result; return it as the row that a later group stores."""
        self._serial = serial = self._serial + 1
        row = Row(job, started_us, body, boot_ns, rank, serial)
        self._keep(row)
        return row

    def turn(self) -> None:
        """Let what follows go to the other file, if that one is empty."""
        other = 1 - self._now
        if self._ends[self._now] and not self._ends[other]:
            self._now = other

    def settled(self, upto: int) -> None:
        """Empty the files of which all is stored: the serials up to *upto*."""
        while self._rows and self._rows[0].serial <= upto:
            self._rows.popleft()
        for number, fd in enumerate(self._files):
            if fd >= 0 and self._ends[number] and self._last[number] <= upto:
                self._ends[number] = 0 if _empty(fd) else MOST_BYTES

    def restart(self, life: str, upto: int) -> list[Row]:
        """Go on as the journal of *life*: results up to *upto* have gone elsewhere.

        Return what came since and finds no room any more.
        """
        self._life = bytes.fromhex(life)
        self._ends = [0 if _empty(fd) else MOST_BYTES for fd in self._files]
        since = [row for row in self._rows if row.serial > upto]
        self._rows.clear()
        return [row for row in since if not self._keep(row)]

    def close(self) -> None:
        """Close both files; again is harmless."""
        for fd in self._files:
            if fd >= 0:
                os.close(fd)
        self._files = [-1, -1]

    def _keep(self, row: Row) -> bool:
        """Write *row* to the file whose turn it is; False if that cannot be."""
        now, fd = self._now, self._files[self._now]
        end = self._ends[now]
        if fd < 0 or end >= MOST_BYTES:
            self.well = False
            return False
        head = _FIELDS.pack(row.serial, row.job, row.started_us, row.boot_ns, row.rank)
        packed = head + row.body
        record = _RECORD.pack(len(packed), zlib.crc32(packed)) + packed
        if not end:
            record = MAGIC + self._life + record
        self._write(fd, record)
        self._last[now] = row.serial
        if self.well:
            self._rows.append(row)
        return self.well

    def _write(self, fd: int, record: bytes) -> None:
        end = self._ends[self._now]
        try:
            written = os.write(fd, record)
            if written == len(record):
                self._ends[self._now] = end + written
                self.well = True
                return
            why = "no space left"
        except OSError as error:
            why = error.strerror or str(error)
        if self.well:
            log.warning("the spool's journal takes nothing: %s", why)
        self.well = False
        # Half a record would hide those that follow it.
        if not _empty(fd, end):
            self._ends[self._now] = MOST_BYTES


def journal_paths(spool: Path) -> list[Path]:
    """Return the two files of the journal of *spool*."""
    return [spool.with_name(f"{spool.name}.journal-{n}") for n in (0, 1)]


def left_behind(spool: Path) -> list[Found]:
    """Return what the journal of *spool* holds, of each life what it wrote.

    A torn or damaged record ends what is believed of its file.
    """
    lives: dict[str, list[Row]] = {}
    for path in journal_paths(spool):
        try:
            with path.open("rb") as file:
                data = file.read(2 * MOST_BYTES)
        except FileNotFoundError:
            continue
        except OSError as error:
            log.warning("%s cannot be read: %s", path.name, safe_text(error))
            continue
        head, rest = data[: len(MAGIC) + LIFE_BYTES], data[len(MAGIC) + LIFE_BYTES :]
        if head.startswith(MAGIC) and len(head) == len(MAGIC) + LIFE_BYTES:
            life = head[len(MAGIC) :].hex()
            lives.setdefault(life, []).extend(_records(rest))
    return [
        Found(life, sorted(rows, key=lambda row: row.serial))
        for life, rows in lives.items()
    ]


def _records(data: bytes) -> Iterator[Row]:
    at, size = 0, len(data)
    while at + _RECORD.size <= size:
        length, crc = _RECORD.unpack_from(data, at)
        at += _RECORD.size
        packed = data[at : at + length]
        if not _FIELDS.size <= length <= MOST_RECORD or zlib.crc32(packed) != crc:
            return
        serial, job, started_us, boot_ns, rank = _FIELDS.unpack_from(packed)
        yield Row(job, started_us, packed[_FIELDS.size :], boot_ns, rank, serial)
        at += length


def _open(path: Path) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o600)
    except OSError as error:
        log.warning("%s cannot be written: %s", path.name, error.strerror)
        return -1


def _empty(fd: int, length: int = 0) -> bool:
    """Cut a file to *length*; False if it cannot be."""
    try:
        os.ftruncate(fd, length)
    except OSError:
        return False
    return True
