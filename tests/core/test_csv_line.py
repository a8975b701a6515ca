"""CSV that can be read back, and that no spreadsheet runs."""

import csv
import io
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.csv_line import FORMULA, csv_line
from pangea.core.text import safe_text


@given(st.lists(st.text(max_size=30), min_size=2, max_size=5))
def test_text_comes_back_as_safe_text_and_never_as_a_formula(cells):
    line = csv_line(cells)
    assert line.count("\n") == 1
    (row,) = csv.reader(io.StringIO(line))
    for cell, given_ in zip(row, cells, strict=True):
        assert cell.replace("'", "") == safe_text(given_, 10_000).replace("'", "")
        assert not cell.lstrip().startswith(FORMULA)
    # Where the comma stands in numbers a semicolon parts cells, also quoted ones.
    for part in line.rstrip("\n").split(";")[1:]:
        assert not part.strip(' "').startswith(FORMULA)


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+49", "'+49"),
        ("-rf", "'-rf"),
        ("@sum", "'@sum"),
        ("  =1", "'  =1"),
        ("\uff1d1", "'\uff1d1"),
        (-1.5, "-1.5"),
        (-3, "-3"),
        (None, ""),
        (True, "true"),
        ({"a": [1, "x"]}, '"{""a"":[1,""x""]}"'),
        ("a,b", '"a,b"'),
        ("a;b", '"a;b"'),
        ("a;=cmd|x", '"a;\'=cmd|x"'),
        ('a; "-1', '"a; ""\'-1"'),
        ("\x1b[2J", "\\x1b[2J"),
    ],
)
def test_a_cell(value, cell):
    assert csv_line([value]) == cell + "\n"


def test_what_is_not_finite_is_told_and_breaks_nothing():
    assert csv_line([math.inf]) == "inf\n"
