"""`pangea probe`: ask a target once, from here, without a coordinator."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import click
import uvloop

from pangea.core.durations import parse_duration
from pangea.core.errors import UsageError
from pangea.core.model import Flag, Outcome, Result
from pangea.core.reasons import REASONS
from pangea.core.text import safe_text
from pangea.probes.base import Probe, make_probe
from pangea.probes.runner import run_once
from pangea.probes.tools import Tools
from pangea.system_clock import SystemClock

from .group import Command
from .job import options_of
from .output import milliseconds, pairs, show_items, show_one, to_json
from .results import word_of
from .session import Session
from .table import Style, pad

EXIT = {Outcome.OK: 0, Outcome.FAILED: 1, Outcome.ERROR: 4}
#: Between two of ``--count``, in seconds, as ping does.
PAUSE_S = 1.0
BAR = 30
#: The forms in which each of ``--count`` is printed at once.
LIVE = ("table", "wide", "jsonl")


@click.command("probe", cls=Command)
@click.argument("type_", metavar="TYPE")
@click.argument("target")
@click.option("--timeout", default="10s", metavar="10s", help="How long to wait.")
@click.option(
    "--set",
    "options",
    multiple=True,
    metavar="OPTION=VALUE",
    help="An option of the probe; repeatable.",
)
@click.option(
    "--count", type=click.IntRange(1, 10_000), default=1, help="Ask so often."
)
@click.pass_obj
def command(
    session: Session,
    type_: str,
    target: str,
    timeout: str,
    options: tuple[str, ...],
    count: int,
) -> int:
    """Probe TARGET with TYPE (http, icmp, dns, tls, tcp) from here.

    \b
    pangea probe http example.com
    pangea probe icmp 192.0.2.1 --count 5
    pangea probe dns example.com --set resolver=192.0.2.53
    Exit code: 0 up, 1 failed, 2 wrong question, 4 could not tell.
    """
    timeout_s = float(parse_duration(timeout))
    if not 0.001 <= timeout_s <= 600:
        raise UsageError("--timeout: wanted 1ms to 10m")
    probe = make_probe(type_, target, options_of(options))
    if not session.debug:
        # The result says what went wrong; a log would say it twice.
        logging.disable(logging.CRITICAL)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        tell = _teller(session, type_, target) if count > 1 else None
        results = runner.run(_ask(probe, timeout_s, count, tell))
    found = [as_data(type_, target, result) for result in results]
    if count == 1:
        show_one(session, found[0], lambda style: _card(style, found[0]), name=target)
    else:
        if session.form not in LIVE:
            show_items(session, found, (), key="target")
        session.note(_summary(results))
    return exit_code(results)


def as_data(type_: str, target: str, result: Result) -> dict[str, Any]:
    """Return *result* as ``-o json`` prints it."""
    return {
        "type": type_,
        "target": target,
        "outcome": str(result.outcome),
        "reason": result.reason,
        "detail": result.detail,
        "duration_ms": result.duration_ms,
        "phases": result.phases,
        "readings": result.readings,
        "flags": [str(flag.name).lower() for flag in Flag if flag & result.flags],
        "started_at_us": result.started_at_us,
    }


def exit_code(results: list[Result]) -> int:
    """Return 0 if all were ok, 1 if one failed, else 4: could not tell."""
    outcomes = {result.outcome for result in results}
    for outcome in (Outcome.FAILED, Outcome.ERROR):
        if outcome in outcomes:
            return EXIT[outcome]
    return EXIT[Outcome.OK]


def _teller(session: Session, type_: str, target: str) -> Callable[[Result], None]:
    """Return what prints a result as soon as it is there, in the LIVE forms."""
    style = Style(no_color=session.no_color)

    def tell(result: Result) -> None:
        found = as_data(type_, target, result)
        if session.form == "jsonl":
            print(to_json(found, indent=None), flush=True)
        elif session.form in LIVE:
            took, why = milliseconds(result.duration_ms), safe_text(result.detail, 300)
            mark = pad(style.mark(word_of(found)), 8)
            shown = style.paint(mark, style.colour_of(word_of(found)))
            print(f"{shown}  {took:>8}  {style.plain(why)}".rstrip(), flush=True)

    return tell


async def _ask(
    probe: Probe,
    timeout_s: float,
    count: int,
    tell: Callable[[Result], None] | None,
) -> list[Result]:
    tools, clock, results = Tools(), SystemClock(), []
    try:
        for number in range(count):
            if number:
                await asyncio.sleep(PAUSE_S)
            result = await run_once(probe, tools, clock, job=0, timeout_s=timeout_s)
            results.append(result)
            if tell:
                tell(result)
    finally:
        await tools.close()
    return results


def _card(style: Style, found: dict[str, Any]) -> list[str]:
    word = word_of(found)
    took = milliseconds(found["duration_ms"])
    target = safe_text(found["target"])
    lines = [f"{style.marked(word)}  {found['type']} {style.plain(target)}  {took}"]
    if found["reason"]:
        why = found["detail"] or REASONS.get(found["reason"], "")
        lines.append(f"{found['reason']}: {style.plain(safe_text(why, 500))}")
    if found["phases"]:
        lines += ["", *_bars(style, found["phases"])]
    if found["readings"]:
        lines += ["", *pairs(style, list(found["readings"].items()))]
    return lines


def _bars(style: Style, phases: dict[str, float]) -> list[str]:
    """Return the phases one below the other, each where it began."""
    total = sum(phases.values()) or 1.0
    name_width = max(map(len, phases))
    lines, begun = [], 0.0
    for name, spent in phases.items():
        left = int(begun / total * BAR)
        size = max(round(spent / total * BAR), 1)
        bar = (" " * min(left, BAR - 1) + "█" * size)[:BAR]
        lines.append(
            f"{name:<{name_width}}  {style.plain(bar):<{BAR}}  {milliseconds(spent)}"
        )
        begun += spent
    return lines


def _summary(results: list[Result]) -> str:
    spent = [r.duration_ms for r in results if r.outcome is Outcome.OK]
    words = f"{len(results)} asked, {len(spent)} ok"
    if not spent:
        return words
    low, high = milliseconds(min(spent)), milliseconds(max(spent))
    mean = milliseconds(sum(spent) / len(spent))
    return f"{words}, min {low}, mean {mean}, max {high}"
