"""Incidents: what is open, what was, and what happened in each."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from pangea.core.errors import UsageError
from pangea.core.headline import Member
from pangea.core.incident import Entry, Incident, Step
from pangea.core.model import Verdict
from pangea.core.verdict import Transition

from .connection import connection

#: Lines of a timeline that are read at once, the newest.
MOST_ENTRIES = 1000
#: So many incidents of a moment are told of.
MOST_THEN = 1000
#: So many are looked at for a page of what is looked for.
MOST_LOOKED = 2000


def save(step: Step) -> None:
    """Store an incident after a change: itself, new lines, changed members.

    Again with the same step adds its lines again, and nothing else.
    """
    incident, link = step.incident, connection()
    body = msgspec.msgpack.encode(replace(incident, members={}))
    link.execute(
        "INSERT INTO incident (id, org, opened_us, closed_us, merged_into, body)"
        " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
        " opened_us = excluded.opened_us, closed_us = excluded.closed_us,"
        " merged_into = excluded.merged_into, body = excluded.body",
        (
            incident.id,
            incident.org,
            incident.opened_us,
            incident.closed_us,
            incident.merged_into,
            body,
        ),
    )
    _save_members(incident.id, [incident.members[job] for job in step.changed])
    add_entries(incident.id, step.entries)


def add_entries(incident: str, entries: Iterable[Entry]) -> None:
    """Append lines to the timeline of an incident."""
    add_lines((incident, entry) for entry in entries)


def add_lines(lines: Iterable[tuple[str, Entry]]) -> None:
    """Append lines to timelines, each to that of its incident."""
    connection().executemany(
        "INSERT INTO incident_event (incident, at_us, kind, who, text, data)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        [
            (incident, e.at_us, e.kind, e.who, e.text, msgspec.msgpack.encode(e.data))
            for incident, e in lines
        ],
    )


def open_now(closed_since_us: int) -> list[Incident]:
    """Return all that is open, and what closed since then, oldest first."""
    rows = connection().execute(
        "SELECT body FROM incident WHERE closed_us = 0 UNION ALL"
        " SELECT body FROM incident WHERE closed_us >= ? AND closed_us > 0",
        (closed_since_us,),
    )
    return sorted(_incidents(rows.fetchall()), key=lambda i: (i.opened_us, i.id))


def one(org: int, id_: str) -> Incident | None:
    """Return one incident."""
    rows = connection().execute(
        "SELECT body FROM incident WHERE id = ? AND org = ?", (id_, org)
    )
    return next(iter(_incidents(rows.fetchall())), None)


def page(
    org: int,
    *,
    only_open: bool = False,
    job: int | None = None,
    since_us: int | None = None,
    until_us: int | None = None,
    limit: int = 100,
    cursor: str | None = None,
    wanted: Callable[[Incident], bool] | None = None,
) -> tuple[list[Incident], str | None]:
    """Return a page of incidents, newest first, and the next cursor.

    With *since_us* those that were open then, or later; with *until_us* those that
    had begun. Those that became part of another one are left out, and those that
    are not *wanted*: a page looks at so many, and may hold none. Raises UsageError
    for a cursor that is none.
    """
    where, given = ["org = ?", "merged_into = ''"], [org]
    if only_open:
        where.append("closed_us = 0")
    if job is not None:
        where.append("id IN (SELECT incident FROM incident_member WHERE job = ?)")
        given.append(job)
    if since_us is not None:
        where.append("(closed_us = 0 OR closed_us >= ?)")
        given.append(since_us)
    if until_us is not None:
        where.append("opened_us < ?")
        given.append(until_us)
    values: list[Any] = [*given]
    if cursor is not None:
        where.append("(opened_us, id) < (?, ?)")
        values += _place(cursor)
    most = MOST_LOOKED if wanted else limit
    rows = connection().execute(
        f"SELECT body FROM incident WHERE {' AND '.join(where)}"
        " ORDER BY opened_us DESC, id DESC LIMIT ?",
        (*values, most + 1),
    )
    found, last = list[Incident](), ""
    for looked, incident in enumerate(_each(rows.fetchall())):
        if looked == most or len(found) == limit:
            return found, last
        last = f"{incident.opened_us}.{incident.id}"
        if wanted is None or wanted(incident):
            found.append(incident)
    return found, None


def open_at(org: int, at_us: int) -> list[Incident]:
    """Return what was open at a moment, as far as it was known then, newest first."""
    rows = connection().execute(
        "SELECT body FROM incident WHERE org = ? AND opened_us <= ?"
        " AND (closed_us = 0 OR closed_us > ?)"
        " ORDER BY opened_us DESC, id DESC LIMIT ?",
        (org, at_us, at_us, MOST_THEN),
    )
    found = [i for i in _incidents(rows.fetchall()) if not i.backfilled]
    return [i for i in found if not (i.reopened and _was_over(i.id, at_us))]


def _was_over(incident: str, at_us: int) -> bool:
    """Tell whether an incident that opened again was closed at a moment."""
    rows = connection().execute(
        "SELECT kind FROM incident_event WHERE incident = ? AND at_us <= ?"
        " AND kind IN ('closed', 'reopened') ORDER BY at_us DESC, id DESC LIMIT 1",
        (incident, at_us),
    )
    return rows.fetchall() == [("closed",)]


def timeline(incident: str, limit: int = MOST_ENTRIES) -> list[Entry]:
    """Return the newest lines of an incident's timeline, oldest first."""
    rows = connection().execute(
        "SELECT kind, at_us, who, text, data FROM incident_event"
        " WHERE incident = ? ORDER BY at_us DESC, id DESC LIMIT ?",
        (incident, limit),
    )
    return [_entry(row) for row in rows][::-1]


def reasons(incident: Incident, kinds: Sequence[str], job: str = "") -> list[Entry]:
    """Return the newest lines of these *kinds*, also of what merged into *incident*.

    Oldest first; with *job* those whose text begins with that name.
    """
    marks = ", ".join("?" * len(kinds))
    rows = connection().execute(
        "SELECT kind, at_us, who, text, data FROM incident_event WHERE incident IN"
        " (SELECT ? UNION ALL SELECT id FROM incident WHERE org = ? AND opened_us >= ?"
        " AND opened_us <= ? AND merged_into = ?)"
        f" AND kind IN ({marks})"
        " AND (? = '' OR substr(text, 1, CAST(? AS INTEGER)) IN (?, ?))"
        " ORDER BY at_us DESC, id DESC LIMIT ?",
        (
            incident.id,
            incident.org,
            incident.opened_us,
            incident.closed_us or 1 << 62,
            incident.id,
            *kinds,
            job,
            len(job) + 1,
            f"{job} ",
            f"{job}:",
            MOST_ENTRIES,
        ),
    )
    return [_entry(row) for row in rows][::-1]


def recent_changes(now_us: int, intervals: int) -> list[Transition]:
    """Return the changes of verdict within so many intervals of each job.

    Oldest first; of jobs that are there.
    """
    rows = connection().execute(
        "SELECT t.job, t.at_us, t.before, t.after, t.reason FROM job"
        " JOIN transition AS t ON t.job = job.id"
        " AND t.at_us > ? - ? * 1000000 * job.interval_s"
        " ORDER BY t.at_us, t.id",
        (now_us, intervals),
    )
    return [
        Transition(job, at_us, Verdict(before), Verdict(after), reason)
        for job, at_us, before, after, reason in rows
    ]


def _save_members(incident: str, members: Sequence[Member]) -> None:
    connection().executemany(
        "INSERT INTO incident_member (incident, job, name, joined_us, bad_us,"
        " recovered_us, verdict, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (incident, job) DO UPDATE SET name = excluded.name,"
        " joined_us = excluded.joined_us, bad_us = excluded.bad_us,"
        " recovered_us = excluded.recovered_us, verdict = excluded.verdict,"
        " reason = excluded.reason",
        [
            (
                incident,
                m.job,
                m.name,
                m.joined_us,
                m.bad_us,
                m.recovered_us,
                m.verdict,
                m.reason,
            )
            for m in members
        ],
    )


def _entry(row: tuple[str, int, str, str, bytes]) -> Entry:
    kind, at_us, who, text, data = row
    told = msgspec.msgpack.decode(data)
    return Entry(kind=kind, at_us=at_us, who=who, text=text, data=told)


def _incidents(rows: Iterable[tuple[bytes]]) -> list[Incident]:
    return list(_each(rows))


def _each(rows: Iterable[tuple[bytes]]) -> Iterator[Incident]:
    for (body,) in rows:
        incident = msgspec.msgpack.decode(body, type=Incident)
        yield replace(incident, members=_members(incident))


def _members(incident: Incident) -> dict[int, Member]:
    """Return the members, the first one first and then as they joined."""
    rows = connection().execute(
        "SELECT job, name, joined_us, bad_us, recovered_us, verdict, reason"
        " FROM incident_member WHERE incident = ? ORDER BY job <> ?, joined_us, job",
        (incident.id, incident.job),
    )
    return {
        job: Member(
            job=job,
            name=name,
            joined_us=joined_us,
            bad_us=bad_us,
            recovered_us=recovered_us,
            verdict=Verdict(verdict),
            reason=reason,
        )
        for job, name, joined_us, bad_us, recovered_us, verdict, reason in rows
    }


def _place(cursor: str) -> tuple[int, str]:
    """Return where the page before ended."""
    opened, _, id_ = cursor.partition(".")
    good = opened.isascii() and opened.isdigit() and len(opened) < 19
    if not (good and id_):
        raise UsageError(
            f"{cursor[:40]!r} is no cursor", hint="use the `next` of the page before"
        )
    return int(opened), id_[:40]
