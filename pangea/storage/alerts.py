"""Alerts that go on, and those that were told and are over."""

from collections.abc import Iterable

import msgspec

from pangea.core.alert_due import Alert

from .connection import connection

_pack = msgspec.msgpack.Encoder().encode
_alert = msgspec.msgpack.Decoder(Alert).decode


def save(alerts: Iterable[tuple[Alert, int]]) -> None:
    """Store alerts, each with when it was finished (0: it goes on)."""
    connection().executemany(
        "INSERT INTO alert (id, org, finished_us, body) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET finished_us = excluded.finished_us,"
        " body = excluded.body",
        [(a.key, a.notice.org, done_us, _pack(a)) for a, done_us in alerts],
    )


def hear(alerts: Iterable[Alert]) -> None:
    """Store alerts that nobody has looked at yet; what is known stays as it is."""
    connection().executemany(
        "INSERT INTO alert (id, org, finished_us, body) VALUES (?, ?, 0, ?)"
        " ON CONFLICT (id) DO NOTHING",
        [(a.key, a.notice.org, _pack(a)) for a in alerts],
    )


def forget(keys: Iterable[str]) -> None:
    """Forget alerts that nobody was told of."""
    connection().executemany("DELETE FROM alert WHERE id = ?", [(k,) for k in keys])


def going_on() -> list[Alert]:
    """Return the alerts that are not finished."""
    rows = connection().execute("SELECT body FROM alert WHERE finished_us = 0")
    return [_alert(body) for (body,) in rows.fetchall()]


def known(keys: Iterable[str]) -> set[str]:
    """Return the *keys* (a few hundred) of alerts that there were and that are over."""
    wanted = tuple(keys)
    rows = connection().execute(
        f"SELECT id FROM alert WHERE id IN ({', '.join('?' * len(wanted))})"
        " AND finished_us > 0",
        wanted,
    )
    return {key for (key,) in rows.fetchall()}
