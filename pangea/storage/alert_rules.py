"""Alert rules as they are stored."""

from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from pangea.core.alert_rule import AlertRule, default_rule

from . import settings
from .connection import connection

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(AlertRule).decode


def add(rule: AlertRule) -> AlertRule:
    """Store a new rule and return it with its id."""
    (number,) = (
        connection()
        .execute(
            "INSERT INTO alert_rule (org, name, body) VALUES (?, ?, ?) RETURNING id",
            (rule.org, rule.name, _pack(rule)),
        )
        .fetchone()
    )
    return replace(rule, id=int(number))


def update(rule: AlertRule) -> None:
    """Store a changed rule under its id."""
    connection().execute(
        "UPDATE alert_rule SET name = ?, body = ? WHERE id = ?",
        (rule.name, _pack(rule), rule.id),
    )


def remove(number: int) -> None:
    """Forget a rule; what it told stays in the log."""
    connection().execute("DELETE FROM alert_rule WHERE id = ?", (number,))


def all() -> list[AlertRule]:
    """Return the rules of all organisations, the oldest first."""
    rows = connection().execute("SELECT id, body FROM alert_rule ORDER BY id")
    return [replace(_unpack(body), id=number) for number, body in rows.fetchall()]


def give_default(orgs: Iterable[int]) -> None:
    """Give organisations their default rule, once: who removed it gets no other."""
    for org in orgs:
        key = f"alert_rule_given/{org}"
        if settings.get(key) is None:
            settings.put(key, "1")
            add(default_rule(org))
