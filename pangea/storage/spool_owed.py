"""What only memory has, counted in a file: after a crash it is a gap, not nothing.

While a full disk refuses results they lie in memory. The file has its room from the
start and is written in place, which a full disk allows, so a worker that dies then
can still say at its next start how many results of each job it took along.
"""

import logging
import os
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path

import msgspec
from msgspec.structs import replace

from .spool_file import SpoolFile
from .spool_journal import Row
from .spool_tables import (
    gaps_of,
    waiting_by_job,
)
from .spool_words import Lost

log = logging.getLogger(__name__)

REASON = "lost with the memory of a worker whose disk was full"
#: The file is never longer: the counts of about ten thousand jobs.
ROOM = 64 * 1024
_HEAD = struct.Struct("<II")
_decoder = msgspec.msgpack.Decoder(tuple[dict[int, int], int, int])
#: With more jobs each result alone is not worth the writing; its group is.
AT_ONCE = 500
#: Stands for all jobs when there are too many to count each.
MANY = 0


class Owed:
    """The file beside the spool; ``lost`` is what an earlier life took along.

    The spool makes a gap of that when it opens, and then it is settled.

    Nothing here raises: what cannot be written is not known later.
    """

    def __init__(self, spool: Path) -> None:
        self.lost: Lost | None = None
        self._all: Lost | None = None
        self._fresh: list[Row] = []
        try:
            self._file = os.open(path_of(spool), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            log.warning("%s cannot be opened: %s", path_of(spool).name, error.strerror)
            self._file = -1
            return
        self.lost = _read(self._file)
        self._make_room()

    @property
    def noted(self) -> bool:
        """Whether anything is owed now."""
        return self._all is not None

    def more(self, row: Row) -> None:
        """Note a result that no file has yet."""
        self._fresh.append(row)
        if self._all is None:
            self._all = Lost(REASON, {}, row.started_us, row.started_us)
        self._all.note(row.job, row.started_us)
        if len(self._all.counts) <= AT_ONCE:
            self._note()

    def hold(self, held: Lost | None, upto: int) -> None:
        """Note that memory has *held*, and what came after the serial *upto*."""
        self._fresh = [row for row in self._fresh if row.serial > upto]
        self._all = joined(held, None)
        for row in self._fresh:
            one = Lost(REASON, {row.job: 1}, row.started_us, row.started_us)
            self._all = joined(self._all, one)
        self._note()

    def settle(self) -> None:
        """Owe nothing of an earlier life any more: the spool has its gap."""
        if self.lost:
            self.lost = self._all = None
            self._note()

    def close(self) -> None:
        """Close the file; again is harmless."""
        if self._file >= 0:
            os.close(self._file)
        self._file = -1

    def _note(self) -> None:
        self._write(_packed(self._all) if self._all else b"")

    def _make_room(self) -> None:
        try:
            missing = ROOM - os.fstat(self._file).st_size
            if missing > 0:
                os.pwrite(self._file, bytes(missing), ROOM - missing)
        except OSError as error:
            log.debug("no room to count what only memory has: %s", error)

    def _write(self, packed: bytes) -> None:
        if self._file < 0:
            return
        record = _HEAD.pack(len(packed), zlib.crc32(packed)) + packed
        try:
            os.pwrite(self._file, record, 0)
        except OSError as error:
            log.debug("cannot count what only memory has: %s", error)


def joined(one: Lost | None, other: Lost | None) -> Lost | None:
    """Return what both count, under the first one's reason."""
    first = one or other
    if first is None:
        return None
    both = replace(first, counts=dict(first.counts))
    if one and other:
        both.join(other)
    return both


def held(files: Iterable[SpoolFile]) -> Lost | None:
    """Return what waits in *files*: of each job how many."""
    all_: Lost | None = None
    for file in files:
        for epoch in file.epochs:
            if epoch.acked < epoch.last:
                low = epoch.base + epoch.acked
                for job, count, first, last in waiting_by_job(
                    file.link, low, epoch.end
                ):
                    all_ = joined(all_, Lost(REASON, {job: count}, first, last))
                for gap in gaps_of(file.link, epoch.epoch, epoch.acked, epoch.last):
                    told = Lost(REASON, gap.counts, gap.from_us, gap.to_us)
                    all_ = joined(all_, told)
    return all_


def path_of(spool: Path) -> Path:
    """Return where the file of *spool* is."""
    return spool.with_name(f"{spool.name}.owed")


def _packed(lost: Lost) -> bytes:
    packed = msgspec.msgpack.encode((lost.counts, lost.from_us, lost.to_us))
    if len(packed) <= ROOM - _HEAD.size:
        return packed
    return msgspec.msgpack.encode(({MANY: lost.total}, lost.from_us, lost.to_us))


def _read(file: int) -> Lost | None:
    """Return what the file says; None if it says nothing that can be believed."""
    try:
        data = os.pread(file, ROOM, 0)
    except OSError:
        return None
    if len(data) < _HEAD.size:
        return None
    length, crc = _HEAD.unpack_from(data)
    packed = data[_HEAD.size : _HEAD.size + length]
    if not length or len(packed) != length or zlib.crc32(packed) != crc:
        return None
    try:
        counts, from_us, to_us = _decoder.decode(packed)
    except msgspec.DecodeError:
        return None
    return Lost(REASON, counts, from_us, to_us) if sum(counts.values()) else None
