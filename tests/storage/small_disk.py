"""Runs a few lines of Python on a small disk of its own."""

import subprocess
import sys

PREPARE = 'mount -t tmpfs -o size="$4"m tmpfs "$1" && exec "$2" -c "$3" "$1"'
BEGIN = """
import asyncio, sys
from pathlib import Path

folder = Path(sys.argv[1])

def fill(but=0):
    # So many bytes stay free.
    with (folder / "filler").open("wb", buffering=0) as filler:
        try:
            while filler.write(bytes(4096)):
                pass
        except OSError:
            pass
        filler.truncate(max(0, filler.tell() - but))

def make_room():
    (folder / "filler").unlink()
"""


def on_small_disk(place, script, megabytes=2):
    """Return the lines that *script* prints; *place* is mounted for it alone."""
    command = ["unshare", "--mount", "sh", "-c", PREPARE, "sh", str(place)]
    ran = subprocess.run(
        [*command, sys.executable, BEGIN + script, str(megabytes)],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()
