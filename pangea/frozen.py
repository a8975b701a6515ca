"""What the single file needs that an installed program does not.

It consists of a loader, which unpacks itself into a temporary directory and waits,
and of the program as the loader's child.
"""

import ctypes
import fcntl
import logging
import os
import signal
import sys
import threading
import time

from pangea.core.environment import for_others

log = logging.getLogger(__name__)

_PR_SET_PDEATHSIG = 1
#: So often, in seconds, we look whether what was unpacked is still there.
LOOKS_S = 10.0
_cleaned = threading.Event()


def settle_in() -> None:
    """Hold what is unpacked, and end with the loader; nothing if not a single file."""
    unpacked = str(getattr(sys, "_MEIPASS", ""))
    # A program that lies unpacked in its directory has no loader waiting.
    if not os.path.basename(unpacked).startswith("_MEI"):
        return
    _hold(unpacked)
    threading.Thread(target=_watch, args=(unpacked,), daemon=True).start()
    if sys.platform == "linux":
        _end_with(os.getppid())


def _hold(directory: str) -> None:
    """Lock *directory* for as long as we live: systemd-tmpfiles(8) leaves it alone.

    Else what is not used for some days is cleaned from /tmp, and imported no more.
    """
    try:
        held = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        log.warning("%s cannot be held, and may be cleaned up: %s", directory, error)


def begin_anew() -> None:
    """Let the file unpack itself again in our place, if what was unpacked is gone."""
    if _cleaned.is_set():
        ours = {k: v for k, v in os.environ.items() if k.startswith("PANGEA_")}
        environment = for_others(os.environ, frozen=True) | ours
        os.execve(sys.executable, [sys.executable, *sys.argv[1:]], environment)


def _watch(directory: str) -> None:
    """End in order when *directory* was cleaned away all the same.

    Without it pages, and whatever is imported late, would fail from now on.
    """
    while os.path.exists(os.path.join(directory, "base_library.zip")):
        time.sleep(LOOKS_S)
    log.warning("%s was cleaned away: beginning anew (TMPDIR chooses it)", directory)
    _cleaned.set()
    os.kill(os.getpid(), signal.SIGTERM)


def _end_with(parent: int) -> None:
    """Ask the kernel for SIGTERM when *parent* dies: a killed loader cannot pass it."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        signal.raise_signal(signal.SIGTERM)
