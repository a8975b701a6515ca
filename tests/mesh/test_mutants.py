"""Each check of what a peer says is there because a test wants it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.timeout(560)
def test_without_any_one_check_some_test_fails():
    done = subprocess.run(
        [sys.executable, "-m", "tests.mesh.mutants"],
        cwd=Path(__file__).parents[2],
        # A process of pytest's own: it is none of those that test side by side.
        env={k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")},
        capture_output=True,
        text=True,
        timeout=540,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("missed") > 50
