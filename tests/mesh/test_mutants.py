"""Each check of what a peer says is there because a test wants it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
BROKEN = """
from tests.mesh import mutants
mutants.passes("circuit", mutants.Mutant("no_such_module", 1, "if True:"))
"""


def test_a_check_that_cannot_be_taken_out_is_no_check_that_was_missed():
    done = subprocess.run(
        [sys.executable, "-c", BROKEN],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "could not be taken out: no_such_module:1" in done.stderr


@pytest.mark.slow
@pytest.mark.timeout(560)
def test_without_any_one_check_some_test_fails():
    done = subprocess.run(
        [sys.executable, "-m", "tests.mesh.mutants"],
        cwd=REPOSITORY,
        # A process of pytest's own: it is none of those that test side by side.
        env={k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")},
        capture_output=True,
        text=True,
        timeout=540,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("missed") > 50
