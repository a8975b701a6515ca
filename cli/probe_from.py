"""A probe asked of workers: sent, heard line by line, and compared."""

from typing import Any, NamedTuple

from pangea.core.durations import parse_duration
from pangea.core.errors import PangeaError, UsageError
from pangea.core.model import Outcome
from pangea.core.text import safe_text

from .output import show_items, to_json
from .probe_compare import compared
from .probe_view import screen_width
from .session import Session
from .table import Style

LOCAL = "local"
FROM_HELP = "local, all (connected workers) or W1,W2."
EXIT = {Outcome.OK: 0, Outcome.FAILED: 1, Outcome.ERROR: 4}
#: A worker may wait for its turn, and walk slowly, beyond the timeout of the probe.
SLACK_S = 60.0


class Question(NamedTuple):
    """What is asked once; ``timeout`` as it was written, None for the default."""

    type: str
    target: str
    options: dict[str, Any]
    timeout: str | None = None
    expect: str = "ok"


def ask_workers(session: Session, question: Question, from_: str) -> int:
    """Ask *question* of the workers *from_* and print what each found.

    Returns the exit code.
    """
    body: dict[str, Any] = {
        "type": question.type,
        "target": question.target,
        "options": question.options,
        "expect": question.expect,
        "from": from_ if from_ == "all" else _names(from_),
    }
    wait_s = SLACK_S + 10.0
    if question.timeout is not None:
        body["timeout_s"] = float(parse_duration(question.timeout))
        wait_s = SLACK_S + body["timeout_s"]
    found = []
    for line in session.client().lines("probes", body, wait_s):
        if not isinstance(line, dict) or "outcome" not in line:
            raise PangeaError("the coordinator answers something else than a result")
        found.append(as_found(question, line))
        if session.form == "jsonl":
            print(to_json(line, indent=None), flush=True)
    found.sort(key=lambda one: str(one["worker"]))
    _show(session, found)
    return exit_code(found)


def as_found(question: Question, line: dict[str, Any]) -> dict[str, Any]:
    """Return a line of the API with what was asked, as a local probe has it."""
    return {**line, "type": question.type, "target": question.target}


def exit_code(founds: list[dict[str, Any]]) -> int:
    """Return 0 if all were ok, 1 if one failed, else 4: could not tell."""
    outcomes = {found["outcome"] for found in founds}
    for outcome in (Outcome.FAILED, Outcome.ERROR):
        if outcome in outcomes:
            return EXIT[outcome]
    return EXIT[Outcome.OK]


def _show(session: Session, found: list[dict[str, Any]]) -> None:
    if session.form in ("table", "wide"):
        style = Style(no_color=session.no_color)
        for text in compared(style, found, screen_width()):
            print(text)
    elif session.form != "jsonl":
        show_items(session, found, (), key="worker")
    if not found:
        session.note("no worker answered")


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise UsageError(
            f"--from: {safe_text(text, 60)!r} names no worker",
            hint="give local, all, or names as `pangea worker list` has them",
        )
    return names
