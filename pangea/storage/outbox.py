"""The outbox: what is to be told of alerts, and each attempt to."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from pangea.core.errors import UsageError
from pangea.core.notification import Notification

from .connection import connection

_pack = msgspec.msgpack.Encoder().encode
_notification = msgspec.msgpack.Decoder(Notification).decode
#: Rows that one statement names.
_SOME = 500
_ROW = "state, next_us, tries, message, thread, answer, sent_us, body"


class Attempt(Struct, frozen=True, kw_only=True):
    """One delivery: ``outcome`` is ``sent``, ``again``, ``refused`` or ``unsure``."""

    org: int
    message: str
    channel: int
    at_us: int
    took_ms: float
    outcome: str
    answer: str


def put(them: Iterable[Notification]) -> None:
    """Store new notifications; what is there already stays as it is."""
    connection().executemany(
        "INSERT INTO notification (id, org, alert, incident, channel, state,"
        " made_us, next_us, tries, message, thread, answer, sent_us, claimed_by,"
        " claimed_until_us, body)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', 0, ?)"
        " ON CONFLICT (id) DO NOTHING",
        [
            (
                n.id,
                n.org,
                n.alert,
                n.notice.incident,
                n.channel,
                n.state,
                n.made_us,
                n.next_us,
                n.tries,
                n.message,
                n.thread,
                n.answer,
                n.sent_us,
                _pack(n),
            )
            for n in them
        ],
    )


def claim(
    ids: Sequence[str], message: str, thread: str, who: str, until_us: int, now_us: int
) -> set[str]:
    """Let *who* alone send *ids* as one message until then; return those it may.

    What is sent or given up, or claimed by another, is left out.
    """
    got: set[str] = set()
    for begin in range(0, len(ids), _SOME):
        some = ids[begin : begin + _SOME]
        rows = connection().execute(
            "UPDATE notification SET state = 'sending', message = ?, thread = ?,"
            " tries = tries + 1, claimed_by = ?, claimed_until_us = ?"
            f" WHERE id IN ({', '.join('?' * len(some))})"
            " AND state IN ('waiting', 'sending')"
            " AND (claimed_by = ? OR claimed_until_us < ?) RETURNING id",
            (message, thread, who, until_us, *some, who, now_us),
        )
        got |= {id_ for (id_,) in rows.fetchall()}
    return got


def settle(them: Sequence[Notification], attempt: Attempt | None = None) -> None:
    """Store how far notifications are, release them, and log the attempt, if any."""
    connection().executemany(
        "UPDATE notification SET state = ?, next_us = ?, tries = ?, message = ?,"
        " thread = ?, answer = ?, sent_us = ?, claimed_by = '', claimed_until_us = 0"
        " WHERE id = ?",
        [
            (
                n.state,
                n.next_us,
                n.tries,
                n.message,
                n.thread,
                n.answer,
                n.sent_us,
                n.id,
            )
            for n in them
        ],
    )
    if attempt is not None:
        log_attempt(attempt)


def log_attempt(attempt: Attempt) -> None:
    """Add a line to the log of deliveries."""
    connection().execute(
        "INSERT INTO delivery (org, message, channel, at_us, took_ms, outcome, answer)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            attempt.org,
            attempt.message,
            attempt.channel,
            attempt.at_us,
            attempt.took_ms,
            attempt.outcome,
            attempt.answer,
        ),
    )


def pending() -> list[Notification]:
    """Return what waits or may have been cut short, the oldest first."""
    rows = connection().execute(
        f"SELECT {_ROW} FROM notification WHERE state IN ('waiting', 'sending')"
        " ORDER BY made_us, id"
    )
    return [_read(row) for row in rows.fetchall()]


def threads(alerts: Sequence[str]) -> list[tuple[str, int, str]]:
    """Return alert, channel and thread of what was sent of these alerts."""
    found: list[tuple[str, int, str]] = []
    for begin in range(0, len(alerts), _SOME):
        some = alerts[begin : begin + _SOME]
        rows = connection().execute(
            "SELECT DISTINCT alert, channel, thread FROM notification"
            f" WHERE alert IN ({', '.join('?' * len(some))})"
            " AND state = 'sent' AND thread <> ''",
            tuple(some),
        )
        found += rows.fetchall()
    return found


def incidents_in(org: int, channel: int, message: str) -> dict[str, int]:
    """Return the incidents that a message told of, with how often each had reopened."""
    rows = connection().execute(
        "SELECT incident, alert FROM notification WHERE message = ? AND org = ?"
        " AND channel = ? AND incident <> '' ORDER BY made_us, id",
        (message, org, channel),
    )
    return {id_: times(alert) for id_, alert in rows.fetchall()}


def times(alert: str) -> int:
    """Return how often the incident of *alert* had opened again, by its key."""
    return int(alert.rpartition(".")[2])


def one(org: int, id_: str) -> Notification | None:
    """Return one notification."""
    row = (
        connection()
        .execute(
            f"SELECT {_ROW} FROM notification WHERE id = ? AND org = ?", (id_, org)
        )
        .fetchone()
    )
    return _read(row) if row else None


def page(
    org: int,
    *,
    state: str = "",
    channel: int | None = None,
    incident: str = "",
    limit: int = 100,
    cursor: str | None = None,
) -> tuple[list[Notification], str | None]:
    """Return a page of notifications, newest first, and the next cursor.

    Raises UsageError for a cursor that is none.
    """
    where, values = ["org = ?"], [org]
    asked: tuple[tuple[str, Any], ...] = (
        ("state = ?", state or None),
        ("channel = ?", channel),
        ("incident = ?", incident or None),
    )
    given: list[Any] = [*values]
    for clause, value in asked:
        if value is not None:
            where.append(clause)
            given.append(value)
    if cursor is not None:
        where.append("(made_us, id) < (?, ?)")
        given += _place(cursor)
    rows = connection().execute(
        f"SELECT {_ROW} FROM notification WHERE {' AND '.join(where)}"
        " ORDER BY made_us DESC, id DESC LIMIT ?",
        (*given, limit + 1),
    )
    found = [_read(row) for row in rows.fetchall()]
    more = len(found) > limit
    found = found[:limit]
    return found, f"{found[-1].made_us}.{found[-1].id}" if more else None


def attempts(message: str, limit: int = 100) -> list[Attempt]:
    """Return the last attempts to deliver a message, the oldest first."""
    rows = connection().execute(
        "SELECT org, channel, at_us, took_ms, outcome, answer FROM delivery"
        " WHERE message = ? ORDER BY at_us DESC, id DESC LIMIT ?",
        (message, limit),
    )
    return [
        Attempt(
            org=org,
            message=message,
            channel=channel,
            at_us=at_us,
            took_ms=took_ms,
            outcome=outcome,
            answer=answer,
        )
        for org, channel, at_us, took_ms, outcome, answer in rows.fetchall()
    ][::-1]


def forget(before_us: int, most: int = 1000) -> int:
    """Forget what was settled before then, so many rows at most; return how many."""
    link = connection()
    gone = link.execute(
        "DELETE FROM notification WHERE id IN (SELECT id FROM notification"
        " WHERE made_us < ? AND state NOT IN ('waiting', 'sending') LIMIT ?)",
        (before_us, most),
    ).rowcount
    gone += link.execute(
        "DELETE FROM delivery WHERE id IN"
        " (SELECT id FROM delivery WHERE at_us < ? LIMIT ?)",
        (before_us, most),
    ).rowcount
    gone += link.execute(
        "DELETE FROM alert WHERE id IN (SELECT id FROM alert"
        " WHERE finished_us > 0 AND finished_us < ? LIMIT ?)",
        (before_us, most),
    ).rowcount
    return int(gone)


def _read(row: tuple[Any, ...]) -> Notification:
    state, next_us, tries, message, thread, answer, sent_us, body = row
    return replace(
        _notification(body),
        state=state,
        next_us=next_us,
        tries=tries,
        message=message,
        thread=thread,
        answer=answer,
        sent_us=sent_us,
    )


def _place(cursor: str) -> tuple[int, str]:
    """Return where the page before ended."""
    made, _, id_ = cursor.partition(".")
    if not (made.isascii() and made.isdigit() and len(made) < 19 and id_):
        raise UsageError(
            f"{cursor[:40]!r} is no cursor", hint="use the `next` of the page before"
        )
    return int(made), id_[:40]
