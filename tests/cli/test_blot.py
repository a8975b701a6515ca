"""What `ps` shows of a process does not hold the password it was started with."""

import subprocess
import sys

import pytest

BLOTS = """
import sys
from pangea.cli.blot import blot, is_shown
before = is_shown("s3cret")
blot(["s3cret", ""])
print(before, is_shown("s3cret"), sys.argv[1:])
print(open("/proc/self/cmdline").read().replace(chr(0), " "))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process do it")
def test_a_password_is_blotted_out_of_the_command_line_and_still_known():
    url = "postgresql://u:s3cret@h/s3cret"
    command = [sys.executable, "-c", BLOTS, url, "after"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert told.startswith(f"True False ['{url}', 'after']\n")
    assert "postgresql://u:******@h/****** after" in told
