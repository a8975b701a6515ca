"""What holds for every test: its surroundings and what it may skip for."""

import gc
import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.loopback_only import Guard
from tests.needs import need

#: What a developer has set for their own Pangea must not reach the tests'.
FOREIGN = ("SERVER", "TOKEN", "TOKEN_FILE", "STATE_DIR", "CONFIG", "ACCOUNT_CODES")
MARKERS = {"browser": "chromium", "netns": "netns", "root": "root"}

for _name in FOREIGN:
    os.environ.pop(f"PANGEA_{_name}", None)
os.environ["PANGEA_SELF_TEST"] = "off"
os.environ["PANGEA_DISCOVERY"] = "static"

# How long an example takes says more of the machine than of the code; in CI the
# same examples come each time, so that it fails for what was changed.
settings.register_profile("pangea", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("pangea")

GUARD = Guard()
GUARD.install()


def pytest_collection_finish() -> None:
    """Spare the collector the many objects that are the tests themselves."""
    gc.collect()
    gc.freeze()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a marked test where the machine lacks what the marker stands for."""
    for marker in item.iter_markers():
        if marker.name in MARKERS:
            need(MARKERS[marker.name])
        if marker.name == "needs":
            need(*marker.args)


@pytest.fixture(autouse=True)
def loopback_only(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that tried to send something to another machine."""
    GUARD.on = "netns" not in request.keywords
    GUARD.refused.clear()
    yield
    GUARD.on = False
    assert GUARD.refused == []
