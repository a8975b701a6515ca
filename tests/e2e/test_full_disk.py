"""A coordinator on a disk that is full, or becomes full while it starts, says so."""

import os
import subprocess
import sys

import pytest

#: Starts on a disk of $2; then, with room, once more until it is up.
SCRIPT = """
mount -t tmpfs -o size=$2 tmpfs "$1" || exit 99
start() {
    timeout -s INT $1 "$PYTHON" -m pangea run --state-dir "$place/state" \\
        --listen 127.0.0.1:0 2>&1
    echo "exit $?"
}
place=$1
start 40
start 40
mount -o remount,size=20m "$place"
start 20
"""


def on_a_disk_of(size, place):
    """Return what three starts say: two without room, one with."""
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", SCRIPT, "sh", str(place), size],
        env=os.environ
        | {
            "PYTHON": sys.executable,
            "PANGEA_SELF_TEST": "off",
            "PANGEA_DISCOVERY": "static",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=150,
        check=True,
    )
    *without, room, _ = done.stdout.split("exit ")
    first, second = without
    return first, second.partition("\n")[2], room.partition("\n")[2], done.stdout


@pytest.mark.slow
@pytest.mark.netns
@pytest.mark.parametrize("size", ["16k", "64k", "220k", "240k", "260k"])
def test_a_start_without_room_says_so_and_can_be_repeated(tmp_path, size):
    first, second, room, everything = on_a_disk_of(size, tmp_path)
    for said in (first, second):
        assert "error: " in said, everything
        assert "try: make room on" in said
        assert "Traceback" not in said
        assert "never retrieved" not in said
    assert "exit 78" in everything or "exit 1\n" in everything
    assert " is up\n" in room, everything
