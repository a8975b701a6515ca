"""What the single file unpacks later: libraries that not every command needs.

Its loader unpacks all that it holds at each start, and `--help` would wait for it. So
the larger libraries lie in archives (packaging/pangea.spec), each named for the modules
whose import unpacks it. This module imports little, because every start imports it.
"""

import os
import sys
from importlib import invalidate_caches
from typing import Any

#: The directory of the archives; ``_ssl+_hashlib.zip`` is for either module.
LATER = "later"


def unpack_later() -> None:
    """Unpack each archive at the first import that needs it, if there are any."""
    unpacked = getattr(sys, "_MEIPASS", "")
    folder = os.path.join(unpacked, LATER)
    if unpacked and os.path.isdir(folder):
        # Its base class would cost 12 ms, and does nothing.
        sys.meta_path.insert(0, Unpacker(unpacked, folder))


class Unpacker:
    """Finds no module itself, but unpacks what the next finder is asked for."""

    def __init__(self, unpacked: str, folder: str) -> None:
        self._unpacked = unpacked
        self._archives = {
            module: os.path.join(folder, name)
            for name in os.listdir(folder)
            for module in name.removesuffix(".zip").split("+")
        }

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> None:
        """Put the libraries of that module in place."""
        archive = self._archives.get(fullname)
        if archive:
            unpack(archive, self._unpacked)
            # Only now: after a full disk the next import tries it again.
            self._archives.pop(fullname, None)
            invalidate_caches()


def unpack(archive: str, place: str) -> None:
    """Put the files of *archive* under *place*, which other processes of ours share."""
    from contextlib import suppress
    from threading import get_ident
    from zipfile import ZipFile

    with ZipFile(archive) as zipped:
        for name in zipped.namelist():
            file = os.path.join(place, name)
            if os.path.exists(file):
                continue
            os.makedirs(os.path.dirname(file), exist_ok=True)
            # Threads may import the modules of one archive at the same time.
            half = f"{file}.{os.getpid()}.{get_ident()}"
            try:
                with open(half, "wb") as written:
                    written.write(zipped.read(name))
                os.replace(half, file)
            except OSError:
                with suppress(FileNotFoundError):
                    os.unlink(half)
                raise
