"""What `make binary` and `make deb` make, built if it is not there."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def made(target: str, pattern: str) -> Path:
    """Return what ``make TARGET`` has put under dist/.

    If it is not there: made under PANGEA_TEST_ALL=1, else the test is skipped.
    """
    found = list(ROOT.glob(f"dist/{pattern}"))
    if not found and os.environ.get("PANGEA_TEST_ALL") == "1":
        subprocess.run(["make", target], cwd=ROOT, check=True, timeout=580)
        found = list(ROOT.glob(f"dist/{pattern}"))
    if not found:
        pytest.skip(f"dist/{pattern} is missing: make {target}")
    return max(found, key=lambda file: file.stat().st_mtime)
