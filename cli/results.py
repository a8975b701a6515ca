"""`pangea results`: what the probes of a job found, once or as it happens."""

import sys
import time
from collections import OrderedDict
from itertools import islice
from typing import Any

import click

from pangea.core.durations import parse_duration
from pangea.core.errors import Unreachable, UsageError
from pangea.core.moments import parse_moment
from pangea.core.text import safe_text

from .client import Client, path_of
from .group import Command
from .output import Column, milliseconds, show_items, to_json
from .session import Session
from .streamed import FORMS, print_rows
from .table import Style, pad

COLUMNS = [
    Column("outcome", lambda result: word_of(result), mark=True),
    Column("started at", lambda result: result.get("started_at", "")),
    Column("worker", lambda result: result.get("worker", "")),
    Column("took", lambda result: milliseconds(result.get("duration_ms"))),
    Column("why", lambda result: why_of(result)),
    Column("phases", lambda result: phases_of(result), wide=True),
    Column("flags", lambda result: " ".join(result.get("flags", [])), wide=True),
]
#: How long to wait before asking a coordinator that is gone again, in seconds.
AGAIN_S = 2.0
#: Results that ``--follow`` begins with, and fetches at once.
BEGIN = 10
FETCH = 100
REMEMBER = 5000


def word_of(result: dict[str, Any]) -> str:
    """Return a result's outcome; an ok with a threshold passed is a warn."""
    warned = result.get("outcome") == "ok" and "warn" in result.get("flags", [])
    return "warn" if warned else str(result.get("outcome", ""))


def why_of(result: dict[str, Any]) -> str:
    """Return the reason of a result, and why it, or its times, did not count."""
    why = str(result.get("detail") or result.get("reason", ""))
    void = f"did not count: {result['void']}" if result.get("void") else ""
    if not void and "lagged" in result.get("flags", []):
        void = "times do not count: the worker was too busy"
    return f"{why} ({void})" if why and void else why or void


def phases_of(result: dict[str, Any]) -> str:
    """Return the phases of a result on one line."""
    phases = result.get("phases", {})
    return " ".join(f"{name}={milliseconds(spent)}" for name, spent in phases.items())


@click.command("results", cls=Command)
@click.argument("name")
@click.option("--on", metavar="WORKER", help="Of this worker alone.")
@click.option("--since", metavar="1h", help="How far back, or a time as --at takes.")
@click.option("--until", metavar="TIME", help="No newer than that.")
@click.option("--limit", type=click.IntRange(1, 1_000_000), help="At most so many.")
@click.option("-f", "--follow", is_flag=True, help="Print each new result.")
@click.pass_obj
def command(
    session: Session,
    name: str,
    on: str | None,
    since: str | None,
    until: str | None,
    limit: int | None,
    follow: bool,
) -> None:
    """Print the results of the job NAME, newest first (100, or all --since).

    -o csv and -o jsonl print each as it is read, however many there are.
    """
    for text in filter(None, (since, until)):
        _check_since(text)
    if follow and until:
        raise UsageError("--follow and --until: what has been does not change")
    client, path = session.client(), path_of("jobs", name, "results")
    if not since and limit is None:
        limit = BEGIN if follow else FETCH
    stretch: dict[str, Any] = {"worker": on, "since": since, "until": until}
    if session.form in FORMS and not follow:
        rows = client.lines("export/results", job=name, **stretch)
        print_rows(session, islice(rows, limit))
        return
    found = client.items(path, limit, **stretch)
    if follow:
        Follower(session, client, path, on).run(found)
        return
    show_items(session, found, COLUMNS, key="started_at")
    if not found:
        session.note(f"no results yet\n  try: pangea job show {name}")


def _check_since(text: str) -> None:
    """Refuse what is neither a duration nor a time, before anybody is asked."""
    try:
        parse_duration(text)
    except UsageError:
        parse_moment(text, time.time())


class Follower:
    """Prints each result of a job once, oldest first, until Ctrl-C.

    Events only say that something is new; what is printed is fetched, so that a
    break of the stream loses nothing and json is what the API answers.
    """

    def __init__(
        self, session: Session, client: Client, path: str, worker: str | None
    ) -> None:
        self._session = session
        self._client = client
        self._path = path
        self._worker = worker
        self._style = Style(no_color=session.no_color)
        self._seen: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._lost = False

    def run(self, found: list[dict[str, Any]]) -> None:
        """Print *found* (newest first), then what comes, for ever."""
        self.begin(found)
        while True:
            try:
                self.listen()
            except Unreachable as error:
                if not self._lost:
                    self._session.note(f"{error}; waiting for it")
                self._lost = True
            time.sleep(AGAIN_S)

    def begin(self, found: list[dict[str, Any]]) -> None:
        """Print *found* (newest first); what is older will not come after it."""
        for result in self._fetch() if found else []:
            if result["started_at"] < found[-1]["started_at"]:
                self._is_new(result)
        self._print(found)

    def listen(self) -> None:
        """Print what comes until the stream ends. Raises Unreachable."""
        for event in self._client.events("result"):
            if event.kind == "open" and self._lost:
                self._lost = False
                self._session.note("the coordinator is back")
            if event.kind != "result" or self._may_be_new(event.data):
                self._print(self._fetch())

    def _may_be_new(self, data: Any) -> bool:
        if not isinstance(data, dict):
            return False
        key = (str(data.get("worker")), str(data.get("started_at")))
        ours = self._path == path_of("jobs", str(data.get("job")), "results")
        return ours and key not in self._seen

    def _fetch(self) -> list[dict[str, Any]]:
        return self._client.items(self._path, FETCH, worker=self._worker)

    def _print(self, newest_first: list[dict[str, Any]]) -> None:
        for result in reversed(newest_first):
            if self._is_new(result):
                print(_line(self._session, self._style, result))
        sys.stdout.flush()

    def _is_new(self, result: dict[str, Any]) -> bool:
        key = (result["worker"], result["started_at"])
        if key in self._seen:
            return False
        self._seen[key] = None
        while len(self._seen) > REMEMBER:
            self._seen.popitem(last=False)
        return True


def _line(session: Session, style: Style, result: dict[str, Any]) -> str:
    """Return one result as one line, as ping does."""
    if session.form not in ("table", "wide", "name"):
        return to_json(result, indent=None)
    word = word_of(result)
    parts = [
        safe_text(result["started_at"], 40),
        style.paint(pad(style.mark(word), 8), style.colour_of(word)),
        pad(safe_text(result["worker"], 63), 12),
        milliseconds(result["duration_ms"]).rjust(8),
        style.plain(safe_text(why_of(result), 300)),
    ]
    return "  ".join(parts).rstrip()
