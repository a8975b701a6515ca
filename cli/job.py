"""`pangea job`: add, list, show, edit, stop, start, remove and run jobs."""

import sys
from collections.abc import Callable
from functools import reduce
from typing import Any

import click

from pangea.core.durations import parse_duration
from pangea.core.errors import UsageError
from pangea.core.model import PUSHED
from pangea.core.text import safe_text

from . import explain
from .client import path_of
from .given import SET_HELP, options_of, table_of
from .group import Group
from .job_card import card
from .job_defaults import RULE_HELP
from .job_defaults import command as defaults
from .job_parents import parents
from .output import Column, ago, every, joined, milliseconds, show_items, show_one
from .session import Session
from .uptime import uptime_of


def probed(job: dict[str, Any]) -> str:
    """Return what is probed, and whether it is good if that does not answer."""
    fails = " (must not answer)" if job.get("expect") == "fail" else ""
    return f"{job.get('target', '')}{fails}"


def _if_asked(job: dict[str, Any], field: str) -> str:
    """Return what means nothing of a job that reports by itself."""
    return "" if job.get("type") in PUSHED else str(job.get(field, ""))


COLUMNS = [
    Column("verdict", lambda job: job.get("verdict", "unknown"), mark=True),
    Column("name", lambda job: job.get("name", "")),
    Column("type", lambda job: job.get("type", "")),
    Column("target", lambda job: probed(job)),
    Column("every", lambda job: every(job)),
    Column("last", lambda job: milliseconds(job.get("last_duration_ms"))),
    Column("since", lambda job: ago(job.get("verdict_since"), job.get("at"))),
    Column("why", lambda job: job.get("verdict_reason", "")),
    Column("on", lambda job: _if_asked(job, "on"), wide=True),
    Column("rule", lambda job: _if_asked(job, "rule"), wide=True),
    Column("labels", lambda job: joined(job.get("labels")), wide=True),
]


#: Jobs whose notices are told below the list.
MOST_NOTES = 10
#: The worst first.
ORDER = ("down", "degraded", "unknown", "up", "maintenance", "paused")


def badness(job: dict[str, Any]) -> int:
    """Return where a job stands in a list that begins with the worst."""
    verdict = job.get("verdict")
    return ORDER.index(verdict) if verdict in ORDER else len(ORDER)


def as_of(at: str) -> str:
    """Return what stands beside what was known at a moment."""
    return f"as of {safe_text(at, 40)}"


def described(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that describe a job; add and edit share them."""
    options = [
        click.option("--name", metavar="N", help="Its name (TYPE-TARGET)."),
        click.option("--every", metavar="30s", help="How often to probe."),
        click.option("--timeout", metavar="10s", help="How long to wait."),
        click.option("--on", metavar="WHO", help="all, W1,W2, tag:K=V or count:N."),
        click.option("--rule", metavar="R", help=RULE_HELP),
        click.option(
            "--expect",
            type=click.Choice(("ok", "fail")),
            help="fail: it must not answer from there.",
        ),
        click.option(
            "--set",
            "options",
            multiple=True,
            metavar="OPTION=VALUE",
            help=SET_HELP,
        ),
        click.option(
            "--depends-on",
            multiple=True,
            metavar="JOB",
            help="It cannot be up without JOB; repeatable, '' for none.",
        ),
        click.option("--slo", type=float, metavar="99.9", help="Promised uptime, %."),
        click.option(
            "--label", "labels", multiple=True, metavar="K=V", help="Repeatable."
        ),
    ]
    return reduce(lambda made, option: option(made), reversed(options), command)


@click.group("job", cls=Group, no_args_is_help=True)
def command() -> None:
    """Add, list, change, stop and remove jobs."""


command.add_command(defaults)
command.add_command(explain.job)
command.add_command(parents)


@command.command("add")
@click.argument("type_", metavar="TYPE")
@click.argument("target")
@described
@click.option("--dry-run", is_flag=True, help="Check and price it, store nothing.")
@click.pass_obj
def add(
    session: Session, /, type_: str, target: str, dry_run: bool, **given: Any
) -> None:
    """Add a job: probe TARGET with TYPE.

    TYPE is http, icmp, dns, tls, tcp, udp, traceroute, ntp, or heartbeat for what
    reports in by itself.

    \b
    pangea job add http example.com
    pangea job add icmp 192.0.2.1 --every 5s --on tag:site=london
    pangea job add tls mail.example.com:993 --set warn_days=20
    """
    spec = {"type": type_, "target": target, **body_of(given)}
    query = {"dry_run": "true"} if dry_run else {}
    added = session.client().post("jobs", spec, **query)
    name = added["job"]["name"]
    show_one(session, added, lambda style: [style.plain(name)], name=name)
    session.note(added["cost"]["words"])
    if dry_run:
        session.note("nothing was stored (--dry-run)")
    else:
        told = added["job"].get("push_path")
        look = f"job show {name}" if told else f"results {name} --follow"
        session.note(f"next: pangea {look}")


@command.command("list")
@click.option("--at", metavar="03:12", help="As they were known then (UTC).")
@click.pass_obj
def list_(session: Session, at: str | None) -> None:
    """List all jobs with verdict, worst first; --at as for `pangea status`."""
    client = session.client()
    # All pages as of one moment: "2h ago" is another one a second later.
    then = client.get("status", at=at)["at"] if at else None
    jobs = client.items("jobs", at=then)
    if then:
        session.note(as_of(then))
    if session.form in ("table", "wide"):
        jobs.sort(key=badness)
    show_items(session, jobs, COLUMNS)
    if not jobs and not then:
        session.note("there are no jobs yet\n  try: pangea job add http example.com")
    for job in [job for job in jobs if job.get("notices")][:MOST_NOTES]:
        told = "\n  ".join(safe_text(line, 300) for line in job["notices"])
        session.note(f"{safe_text(job['name'], 63)}: {told}")


@command.command("show")
@click.argument("name")
@click.option("--at", metavar="03:12", help="As it was known then (UTC).")
@click.pass_obj
def show(session: Session, name: str, at: str | None) -> None:
    """Show the job NAME and what each worker says of it; --at as for `pangea status`.

    Target, rule and options are those that it has now.
    """
    client = session.client()
    job = client.get(path_of("jobs", name), at=at)
    if at:
        session.note(as_of(job["at"]))
    drawn = session.form in ("table", "wide") and not at
    spent = uptime_of(client, name) if drawn and job.get("slo") else {}
    show_one(session, job, lambda style: card(style, job, spent, client.server))


@command.command("edit")
@click.argument("old", metavar="NAME")
@described
@click.option("--target", help="Probe another target.")
@click.pass_obj
def edit(session: Session, /, old: str, target: str | None, **given: Any) -> None:
    """Change the job NAME; --set OPTION= and --label K= take one away.

    What is not given stays; --name renames it, and its history stays with it.
    """
    patch = body_of(given, removing=True)
    if target is not None:
        patch["target"] = target
    if not patch:
        raise UsageError("nothing to change", hint="pangea job edit --help")
    client = session.client()
    job = client.patch(path_of("jobs", old), patch)
    show_one(session, job, lambda style: card(style, job, server=client.server))


@command.command("stop")
@click.argument("name")
@click.option("--on", metavar="WORKER", help="On this worker alone.")
@click.pass_obj
def stop(session: Session, name: str, on: str | None) -> None:
    """Stop probing the job NAME, everywhere or on one worker."""
    _switch(session, name, "stop", on)


@command.command("start")
@click.argument("name")
@click.option("--on", metavar="WORKER", help="On this worker alone.")
@click.pass_obj
def start(session: Session, name: str, on: str | None) -> None:
    """Probe the job NAME again, everywhere or on one worker."""
    _switch(session, name, "start", on)


@command.command("remove")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def remove(session: Session, name: str, yes: bool) -> int:
    """Remove the job NAME, with its history."""
    client = session.client()
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError(
                f"removing {name!r} takes its history too, and nobody can be asked",
                hint=f"pangea job remove {name} --yes",
            )
        client.get(path_of("jobs", name))
        if not click.confirm(f"Remove {name!r} and its history?", err=True):
            return 1
    client.delete(path_of("jobs", name))
    session.note(f"removed {name}")
    return 0


@command.command("run")
@click.argument("name")
@click.pass_obj
def run(session: Session, name: str) -> int:
    """Probe the job NAME now, on all its connected workers."""
    answer = session.client().post(path_of("jobs", name, "run"))
    asked = answer["asked"]
    show_one(session, answer, lambda style: [f"asked {', '.join(asked)}"][: len(asked)])
    if not asked:
        session.note("no worker of this job is connected\n  try: pangea worker list")
        return 1
    session.note(f"next: pangea results {name}")
    return 0


def body_of(given: dict[str, Any], *, removing: bool = False) -> dict[str, Any]:
    """Return the options of a command as the fields that the API takes.

    With *removing* an empty value is null, which takes the option away.
    """
    fields = {
        "name": given["name"],
        "interval_s": _seconds("--every", given["every"]),
        "timeout_s": _seconds("--timeout", given["timeout"]),
        "on": given["on"],
        "rule": given["rule"],
        "expect": given["expect"],
        "depends_on": parents_of(given["depends_on"]),
        "slo": given["slo"],
        "options": options_of(given["options"], removing=removing),
        "labels": table_of("--label", given["labels"], removing=removing),
    }
    return {key: value for key, value in fields.items() if value not in (None, {})}


def parents_of(given: tuple[str, ...]) -> list[str] | None:
    """Return the jobs that are depended on; one that is empty stands for none."""
    return [name for name in given if name] if given else None


def _seconds(option: str, text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return float(parse_duration(text))
    except UsageError as error:
        raise UsageError(f"{option}: {error}", hint=error.hint) from error


def _switch(session: Session, name: str, verb: str, worker: str | None) -> None:
    body = {"worker": worker} if worker else {}
    job = session.client().post(path_of("jobs", name, verb), body)
    done = {"stop": "stopped", "start": "started"}[verb]
    words = f"{done} {name}" + (f" on {worker}" if worker else "")
    show_one(session, job, lambda style: [style.plain(words)])
