"""Rows that are printed as they come, however many there are."""

import sys
from collections.abc import Iterable
from typing import Any

from pangea.core.csv_line import csv_line

from .output import to_json
from .session import Session

#: The forms of output that have a line a row.
FORMS = ("csv", "jsonl")


def print_rows(session: Session, rows: Iterable[dict[str, Any]]) -> int:
    """Print *rows* as CSV or as lines of JSON; return how many.

    The columns of CSV are those of the first row.
    """
    keys: list[str] = []
    count = 0
    for row in rows:
        if session.form == "jsonl":
            line = f"{to_json(row, indent=None)}\n"
        else:
            if not keys:
                keys = list(row)
                sys.stdout.write(csv_line(keys))
            line = csv_line(row.get(key) for key in keys)
        sys.stdout.write(line)
        count += 1
    return count
