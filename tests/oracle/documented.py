"""The differences that docs/oracle.md owns up to: listed there, and held to it."""

import re
from dataclasses import dataclass
from pathlib import Path

from tests.oracle.scenario import Said

PAGE = Path(__file__).parents[2] / "docs" / "oracle.md"
#: as many differences may be without blackbox_exporter being wrong
MOST_OTHERS = 10
WRONG, OTHER = "blackbox_exporter is wrong", "Other differences"


@dataclass(frozen=True)
class Difference:
    """One scenario in which the two differ, in which columns, and the capture."""

    kind: str
    columns: list[str]
    capture: list[str]


def differences() -> dict[str, Difference]:
    """Return what the page lists, by the name of the scenario."""
    found: dict[str, Difference] = {}
    kind = ""
    for section in re.split(r"^(?=##)", PAGE.read_text("utf-8"), flags=re.MULTILINE):
        head, _, text = section.partition("\n")
        if head.startswith("## "):
            kind = head.removeprefix("## ")
        elif head.startswith("### "):
            columns = re.search(r"^Differs in: (.+)$", text, re.MULTILINE)
            capture = re.search(r"^```text\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
            assert columns, f"{head}: no line 'Differs in'"
            assert capture, f"{head}: no capture"
            name = head.removeprefix("### ").strip("`")
            lines = capture[1].splitlines()
            found[name] = Difference(kind, columns[1].split(", "), lines)
    return found


def untrue(difference: Difference, theirs: Said, ours: Said) -> list[str]:
    """Return the lines of the capture that nobody says any more.

    Of ours the reason counts, not the sentence with its ports and dates; of
    theirs whole metrics, and parts of what they log.
    """
    theirs_now = theirs.raw.splitlines()
    ours_now = f"pangea: {ours.raw}".split(":")[1]
    return [
        line
        for line in difference.capture
        if line not in theirs_now
        and not (line.startswith("msg=") and any(line in one for one in theirs_now))
        and not (line.startswith("pangea:") and line.split(":")[1] == ours_now)
    ]
