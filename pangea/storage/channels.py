"""Channels as they are stored: their secrets are sealed by whoever calls."""

import msgspec
from msgspec.structs import replace

from pangea.core.channel import Channel

from .connection import connection


def add(channel: Channel) -> Channel:
    """Store a new channel and return it with its id."""
    (number,) = (
        connection()
        .execute(
            "INSERT INTO channel"
            " (org, name, type, options, enabled, per_minute, created_us)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id",
            (
                channel.org,
                channel.name,
                channel.type,
                msgspec.msgpack.encode(channel.options),
                int(channel.enabled),
                channel.per_minute,
                channel.created_us,
            ),
        )
        .fetchone()
    )
    return replace(channel, id=int(number))


def update(channel: Channel) -> None:
    """Store a changed channel under its id; its type is for ever."""
    connection().execute(
        "UPDATE channel SET name = ?, options = ?, enabled = ?, per_minute = ?"
        " WHERE id = ?",
        (
            channel.name,
            msgspec.msgpack.encode(channel.options),
            int(channel.enabled),
            channel.per_minute,
            channel.id,
        ),
    )


def remove(number: int) -> None:
    """Forget a channel."""
    connection().execute("DELETE FROM channel WHERE id = ?", (number,))


def all() -> list[Channel]:
    """Return the channels of all organisations, the oldest first."""
    rows = connection().execute(
        "SELECT id, org, name, type, options, enabled, per_minute, created_us"
        " FROM channel ORDER BY id"
    )
    return [
        Channel(
            id=number,
            org=org,
            name=name,
            type=kind,
            options=msgspec.msgpack.decode(options),
            enabled=bool(enabled),
            per_minute=most,
            created_us=created,
        )
        for number, org, name, kind, options, enabled, most, created in rows.fetchall()
    ]
