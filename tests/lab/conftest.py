"""A lab for a test, with its logs shown if the test fails."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.faults import Nemesis
from tests.lab.fleet import ROOT, fleet

#: The checkout whose Pangea runs, by default this one.
SOURCE = Path(os.environ.get("PANGEA_LAB_SOURCE", ROOT))


@pytest.fixture
def source() -> Path:
    """The checkout to run."""
    return SOURCE


@pytest.fixture
def nemesis(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Nemesis]:
    """A running fleet with workers w1 and w2, and what can be done to it."""
    workers = getattr(request, "param", ("w1", "w2"))
    with fleet(tmp_path / "lab", *workers, source=SOURCE) as made:
        made.start()
        yield Nemesis(made)
        for node in made.nodes:
            print(f"--- {node.name}\n{node.said()[-3000:]}")
