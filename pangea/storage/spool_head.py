"""The spool's head: which numbers it has given, in a file of its own.

If the spool is found damaged at a start, this still says which results waited, so
that those which cannot be read become a gap with their own numbers, and which were
acknowledged, so that they become one if the coordinator loses them. It is written
after each group, in place and into the page cache only; what came after it is in
the journal, whose serials go on where this ends.
"""

import logging
import os
import struct
import zlib
from pathlib import Path

import msgspec
from msgspec import Struct

from .spool_words import Epoch

log = logging.getLogger(__name__)

_HEAD = struct.Struct("<QII")
#: The room of one of the two places that take turns.
ROOM = 16 * 1024
#: Epochs that are told of, the newest. Those of which all is acknowledged are too:
#: a coordinator that is restored from an older backup may lack what they held.
MOST_PARTS = 64
_MOST = 1 << 60


class Part(Struct, frozen=True, array_like=True):
    """An epoch, and from when to when results were made that wait in it, or 0."""

    epoch: str
    base: int
    acked: int
    end: int
    boot: str
    from_us: int
    to_us: int


class Noted(Struct, frozen=True, array_like=True):
    """Epochs in a row, the last one current; ``upto`` is where ``lives`` are."""

    parts: list[Part]
    lives: list[str]
    upto: int


_decoder = msgspec.msgpack.Decoder(Noted)


class Head:
    """The open file. Nothing here raises: what cannot be written is not known later."""

    def __init__(self, spool: Path) -> None:
        self._turn = 0
        self._spans: dict[str, tuple[int, int]] = {}
        path = head_path(spool)
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            log.warning("%s cannot be opened: %s", path.name, error.strerror)
            self._file = -1
            return
        self._make_room()
        self._turn = max((turn for turn, _ in _places(self._file)), default=0)

    def _make_room(self) -> None:
        """Take the room now: later a full disk allows writing in place only."""
        try:
            missing = 2 * ROOM - os.fstat(self._file).st_size
            if missing > 0:
                os.pwrite(self._file, bytes(missing), 2 * ROOM - missing)
        except OSError as error:
            log.debug("no room to note how far the spool has come: %s", error)

    def came(self, epoch: Epoch, first_us: int, last_us: int) -> None:
        """Take note from when to when the results of a group were made."""
        span = self._spans.get(epoch.epoch)
        began = first_us if span is None else span[0]
        self._spans[epoch.epoch] = (began, last_us)

    def said(self, epochs: list[Epoch], lives: list[str], upto: int) -> Noted:
        """Return in words what the spool has given."""
        told, spans = epochs[-MOST_PARTS:], self._spans
        for epoch in epochs:
            if epoch.acked == epoch.last:
                spans.pop(epoch.epoch, None)
        parts = [
            Part(e.epoch, e.base, e.acked, e.end, e.boot, *spans.get(e.epoch, (0, 0)))
            for e in told
        ]
        return Noted(parts, lives[-16:], upto)

    def note(self, epochs: list[Epoch], lives: list[str], upto: int) -> None:
        """Write down what the spool has given."""
        if self._file < 0:
            return
        packed = msgspec.msgpack.encode(self.said(epochs, lives, upto))
        self._turn += 1
        record = _HEAD.pack(self._turn, len(packed), zlib.crc32(packed)) + packed
        if len(record) > ROOM:
            return
        try:
            os.pwrite(self._file, record, self._turn % 2 * ROOM)
        except OSError as error:
            log.debug("cannot note how far the spool has come: %s", error)

    def close(self) -> None:
        """Close the file; again is harmless."""
        if self._file >= 0:
            os.close(self._file)
        self._file = -1


def head_path(spool: Path) -> Path:
    """Return where the head of *spool* is."""
    return spool.with_name(f"{spool.name}.head")


def noted(spool: Path) -> Noted | None:
    """Return what the head of *spool* says; None if nothing can be believed."""
    try:
        file = os.open(head_path(spool), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        places = sorted(_places(file), key=lambda place: place[0])
    finally:
        os.close(file)
    return places[-1][1] if places else None


def _places(file: int) -> list[tuple[int, Noted]]:
    found = []
    for offset in (0, ROOM):
        try:
            data = os.pread(file, ROOM, offset)
        except OSError:
            continue
        if len(data) < _HEAD.size:
            continue
        turn, length, crc = _HEAD.unpack_from(data)
        packed = data[_HEAD.size : _HEAD.size + length]
        if not length or len(packed) != length or zlib.crc32(packed) != crc:
            continue
        try:
            said = _decoder.decode(packed)
        except msgspec.MsgspecError:
            continue
        if said.parts and all(_is_sane(part) for part in said.parts):
            found.append((turn, said))
    return found


def _is_sane(part: Part) -> bool:
    return 0 <= part.base <= part.end <= _MOST and 0 <= part.acked <= part.end
