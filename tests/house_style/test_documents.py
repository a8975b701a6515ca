"""The documents name what the code has, and nothing that it has not."""

import re

import click
import msgspec
import pytest

from pangea.core.reasons import REASONS
from pangea.probes.base import PROBES, load_builtin
from tests.house_style.source import ROOT, read

load_builtin()


def _rows(text: str) -> list[list[str]]:
    """Return the cells of every table row in *text*, without its backquotes."""
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    return [[c.strip().strip("`") for c in line.strip("| ").split(" | ")] for line in lines]


def _section(text: str, heading: str) -> str:
    """Return what stands below the ``## heading``, or "" if there is none."""
    found = re.search(
        rf"^## `?{re.escape(heading)}`?\b.*?$(.*?)(?=^## |\Z)", text, re.M | re.S
    )
    return found[1] if found else ""


def test_every_reason_is_in_the_table_as_the_code_says_it():
    assert {row[0]: row[1] for row in _rows(read("docs/reasons.md"))} == REASONS
