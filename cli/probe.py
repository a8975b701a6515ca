"""`pangea probe`: ask a target from here, without a coordinator."""

import asyncio
import logging
import re
from collections.abc import Callable
from typing import Any

import click
import msgspec
import uvloop

from pangea.core.durations import format_duration, parse_duration
from pangea.core.errors import UsageError
from pangea.core.model import Flag, Result
from pangea.core.options import MASK, build, masked
from pangea.core.text import safe_text
from pangea.probes.base import Probe, make_probe, shortest_timeout
from pangea.probes.runner import run_once
from pangea.probes.tools import Tools
from pangea.system_clock import SystemClock

from .given import SET_HELP, options_of
from .group import Command
from .output import show_items, show_one, to_json
from .probe_from import FROM_HELP, LOCAL, Question, ask_workers, exit_code
from .probe_view import card, screen_width
from .probe_view_runs import run_line, summary
from .session import Session
from .table import Style
from .waiting import seconds_shown

#: Between two of ``--count``, in seconds, as ping does.
PAUSE_S = 1.0
TIMEOUT_S = 10.0
#: The forms in which each of ``--count`` is printed at once.
LIVE = ("table", "wide", "jsonl")
#: Of a header: its value lets somebody in.
_SECRET = re.compile(r"auth|cookie|token|key|secret|passw", re.IGNORECASE)


@click.command("probe", cls=Command)
@click.argument("type_", metavar="TYPE")
@click.argument("target")
@click.option(
    "--timeout", metavar="10s", help="How long to wait, else 10s or as it needs."
)
@click.option("--set", "options", multiple=True, metavar="OPTION=VALUE", help=SET_HELP)
@click.option(
    "--expect",
    type=click.Choice(("ok", "fail")),
    default="ok",
    help="fail: it must not answer from here.",
)
@click.option(
    "--count", type=click.IntRange(1, 10_000), default=1, help="Ask so often."
)
@click.option("--from", "from_", default=LOCAL, metavar="WHO", help=FROM_HELP)
@click.pass_obj
def command(
    session: Session,
    type_: str,
    target: str,
    timeout: str | None,
    options: tuple[str, ...],
    expect: str,
    count: int,
    from_: str,
) -> int:
    """Probe TARGET with TYPE from here, or from workers.

    TYPE is http, icmp, dns, tls, tcp, udp, traceroute or ntp.

    \b
    pangea probe http example.com
    pangea probe icmp 192.0.2.1 --count 5
    pangea probe dns example.com --set resolver=192.0.2.53
    pangea probe tcp 192.0.2.1:23 --expect fail
    pangea probe http example.com --from london,site-b

    Exit code: 0 up, 1 failed, 2 wrong question, 4 could not tell.
    """
    question = Question(type_, target, options_of(options), timeout, expect)
    return ask(session, question, count=count, from_=from_)


def ask(session: Session, question: Question, *, count: int, from_: str) -> int:
    """Ask *question* from here or from workers, print what is found.

    Returns the exit code.
    """
    if from_ != LOCAL:
        if count > 1:
            raise UsageError("--count: workers are asked once", hint="leave it away")
        return ask_workers(session, question, from_)
    type_, target, given = question.type, question.target, question.options
    probe = make_probe(type_, target, given)
    for line in as_understood(probe.Options, given):
        session.detail(line)
    timeout_s = _timeout(question.timeout, probe)
    if not session.debug:
        # The result says what went wrong; a log would say it twice.
        logging.getLogger().addHandler(logging.NullHandler())
    founds: list[dict[str, Any]] = []
    tell = _teller(session, founds) if count > 1 else founds.append
    asker = Asker(probe, target, timeout_s, question.expect)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(asker.ask(count, tell))
    finally:
        # After Ctrl-C too, as ping does.
        _show(session, founds, count)
    return exit_code(founds)


class Asker:
    """Asks one question, once or again and again."""

    def __init__(
        self, probe: Probe, target: str, timeout_s: float, expect: str
    ) -> None:
        self._probe, self._target = probe, target
        self._timeout_s, self._expect = timeout_s, expect

    async def ask(self, count: int, tell: Callable[[dict[str, Any]], object]) -> None:
        """Ask *count* times, and *tell* each result as soon as it is there."""
        tools, clock, seen = Tools(), SystemClock(), dict[str, str]()
        try:
            for number in range(count):
                if number:
                    await asyncio.sleep(PAUSE_S)
                async with seconds_shown(self._timeout_s):
                    result = await run_once(
                        self._probe,
                        tools,
                        clock,
                        job=0,
                        timeout_s=self._timeout_s,
                        expect=self._expect,
                        seen=seen,
                    )
                tell(as_data(self._probe.type, self._target, result))
        finally:
            await tools.close()


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


def as_understood(shape: type[msgspec.Struct], given: dict[str, Any]) -> list[str]:
    """Return *given* as a *shape* of options, what is secret masked."""
    every: dict[str, Any] = msgspec.to_builtins(build(shape, given, "option"))
    return [
        f"option {name} = {safe_text(to_json(_veiled(value), indent=None), 300)}"
        + ("" if name in given else "  (default)")
        for name, value in masked(shape, every).items()
        if name in given or value not in (None, "", [], {})
    ]


def _veiled(value: Any) -> Any:
    """Return a table such as headers without the values that let somebody in."""
    if isinstance(value, dict):
        return {k: MASK if _SECRET.search(k) else v for k, v in value.items()}
    if isinstance(value, list):
        return [_veiled_line(v) if isinstance(v, str) else v for v in value]
    return value


def _veiled_line(text: str) -> str:
    name, colon, _ = text.partition(":")
    return f"{name}: {MASK}" if colon and _SECRET.search(name) else text


def _timeout(text: str | None, probe: Probe) -> float:
    """Return how long to wait, in seconds: as given, or as long as it needs."""
    needs = shortest_timeout(probe)
    if text is None:
        longest = float(getattr(probe, "longest_s", needs))
        return max(TIMEOUT_S, longest + 1.0)
    seconds = float(parse_duration(text))
    if not 0.001 <= seconds <= 600:
        raise UsageError("--timeout: wanted 1ms to 10m")
    if seconds <= needs:
        said = f"this {probe.type} probe sends for {format_duration(needs)}"
        raise UsageError(f"--timeout: {said}, wanted more than that")
    return seconds


def _teller(
    session: Session, founds: list[dict[str, Any]]
) -> Callable[[dict[str, Any]], None]:
    """Return what keeps a result and, in the LIVE forms, prints it at once."""
    style, width = Style(no_color=session.no_color), screen_width()

    def tell(found: dict[str, Any]) -> None:
        founds.append(found)
        if session.form == "jsonl":
            print(to_json(found, indent=None), flush=True)
        elif session.form in LIVE:
            print(run_line(style, len(founds), found, width), flush=True)

    return tell


def _show(session: Session, founds: list[dict[str, Any]], count: int) -> None:
    """Print what has not been printed yet."""
    if not founds:
        return
    if count == 1:
        found = founds[0]
        show_one(
            session,
            found,
            lambda style: card(style, found, screen_width()),
            name=found["target"],
        )
        return
    if session.form not in LIVE:
        show_items(session, founds, (), key="target")
    for line in summary(Style(no_color=True), founds):
        session.note(line)
