"""What holds for every test: its surroundings and what it may skip for."""

import os

import pytest

from tests.needs import need

#: What a developer has set for their own Pangea must not reach the tests'.
FOREIGN = ("SERVER", "TOKEN", "TOKEN_FILE", "STATE_DIR", "CONFIG", "ACCOUNT_CODES")
MARKERS = {"browser": "chromium", "netns": "netns", "root": "root"}

for _name in FOREIGN:
    os.environ.pop(f"PANGEA_{_name}", None)
os.environ["PANGEA_SELF_TEST"] = "off"
os.environ["PANGEA_DISCOVERY"] = "static"


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a marked test where the machine lacks what the marker stands for."""
    for marker in item.iter_markers():
        if marker.name in MARKERS:
            need(MARKERS[marker.name])
        if marker.name == "needs":
            need(*marker.args)
