"""`pangea drill`: let a job fail on purpose, and say how long each stage took."""

import time
from collections.abc import Callable
from typing import Any

import click

from pangea.core.durations import format_duration, parse_duration

from .client import Client, path_of
from .group import Command
from .output import show_one
from .session import Session

#: How often the coordinator is asked how far it is, in seconds.
LOOK_S = 0.3
Told = Callable[[dict[str, Any]], str]


def _stage(field: str, words: Callable[[dict[str, Any]], str]) -> tuple[str, Told]:
    return field, lambda drill: f"{drill[field]:7.1f} s  {words(drill)}"


#: The stages in their order: the field that tells of each, and its line.
STAGES: list[tuple[str, Told]] = [
    _stage("first_failed_s", lambda drill: f"first failure, by {drill['heard'][0]}"),
    _stage("confirmed_s", lambda drill: f"down: {drill['verdict_reason']}"),
    _stage("alerted_s", lambda drill: f"told over {drill['alerted_by']}"),
    _stage("ended_s", lambda drill: "the workers tell again how it is"),
    (
        "recovery_s",
        lambda drill: (
            f"{drill['ended_s'] + drill['recovery_s']:7.1f} s  "
            f"{drill['verdict']} again, {drill['recovery_s']:.1f} s after that"
        ),
    ),
]


@click.command("drill", cls=Command)
@click.argument("job")
@click.option("--for", "length", default="5m", metavar="5m", help="At the longest.")
@click.pass_obj
def command(session: Session, job: str, length: str) -> int:
    """Let JOB fail on purpose, through real workers, votes and verdicts.

    Its workers probe as ever and tell it as failed until it is down, or --for is
    over; then they tell again how it is. All of it is labelled DRILL and left out
    of uptime. Ctrl-C ends it. The exit code is 0 if it was down, and up again.
    """
    client, path = session.client(), path_of("jobs", job, "drill")
    drill = client.post(path, {"for_s": float(parse_duration(length))})
    most = format_duration(drill["for_s"])
    session.note(f"DRILL of {job}: {_asked(drill)} told to fail it, for {most} at most")
    try:
        drill = _follow(client, path, drill, session.note)
    except KeyboardInterrupt:
        client.delete(path)
        session.note("the drill is ended; it is labelled until the job is well")
        raise
    show_one(session, drill, lambda style: _summary(drill), name=job)
    return 0 if drill["state"] == "done" else 1


def _follow(
    client: Client, path: str, drill: dict[str, Any], say: Callable[[str], None]
) -> dict[str, Any]:
    """Tell each stage as it is reached, until the drill is over; return it."""
    told: set[str] = set()
    while True:
        for field, line in STAGES:
            if drill.get(field) is not None and field not in told:
                told.add(field)
                say(line(drill))
        if drill["state"] in ("done", "failed"):
            return drill
        time.sleep(LOOK_S)
        drill = client.get(path)


def _asked(drill: dict[str, Any]) -> str:
    count = len(drill["asked"])
    return f"{count} worker{' is' if count == 1 else 's are'}"


def _summary(drill: dict[str, Any]) -> list[str]:
    silent = sorted(set(drill["asked"]) - set(drill["heard"]))
    if drill["state"] == "done":
        words = (
            f"DRILL passed: down after {drill['confirmed_s']:.1f} s, "
            f"up again {drill['recovery_s']:.1f} s after it ended"
        )
    else:
        words = f"DRILL failed: {drill['words'] or 'it was not down'}"
    return [words, *[f"{name} took no part" for name in silent]]
