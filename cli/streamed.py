"""Rows that are printed as they come, however many there are."""

import sys
from collections.abc import Iterable, Sequence
from typing import Any

from pangea.core.csv_line import csv_line

from .output import to_json
from .session import Session

#: The forms of output that have a line a row.
FORMS = ("csv", "jsonl")


def print_rows(
    session: Session,
    rows: Iterable[dict[str, Any]],
    first: Sequence[str] = (),
    of_none: Sequence[str] = (),
) -> int:
    """Print *rows* as CSV or as lines of JSON; return how many.

    The columns of CSV are those of the first row, those of *first* before the others;
    without any row, *of_none*.
    """
    keys: list[str] = []
    count = 0
    for row in rows:
        if session.form == "jsonl":
            line = f"{to_json(row, indent=None)}\n"
        else:
            if not keys:
                keys = list(dict.fromkeys((*(k for k in first if k in row), *row)))
                sys.stdout.write(csv_line(keys))
            line = csv_line(row.get(key) for key in keys)
        sys.stdout.write(line)
        count += 1
    if not count and of_none and session.form == "csv":
        sys.stdout.write(csv_line(of_none))
    return count
