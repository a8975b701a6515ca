"""Which worker has kept which secrets (ids only), and what else a rotation minds."""

from collections.abc import Mapping

import msgspec

from . import settings
from .connection import connection

_KEPT = "secrets.kept"
_DEADLINE = "secrets.deadline"
_MADE = "secrets.made"

Kept = dict[int, tuple[str, ...]]


def load() -> tuple[Kept, float]:
    """Return the ids by worker, and the deadline (wall time, 0 for none).

    What cannot be read counts as not kept: then a worker is asked again.
    """
    try:
        kept = msgspec.json.decode(settings.get(_KEPT) or "{}", type=Kept)
        deadline = float(settings.get(_DEADLINE) or 0)
    except (msgspec.DecodeError, ValueError):
        return {}, 0.0
    return kept, deadline


def put(kept: Mapping[int, tuple[str, ...]]) -> None:
    """Store the ids by worker."""
    settings.put(_KEPT, msgspec.json.encode(kept).decode())


def put_deadline(at: float) -> None:
    """Store until when the old secret may be used; 0 for no such time."""
    settings.put(_DEADLINE, repr(at))


def made() -> dict[str, float]:
    """Return when secrets were made, by id, to the microsecond; maybe not all."""
    try:
        return msgspec.json.decode(settings.get(_MADE) or "{}", type=dict[str, float])
    except msgspec.DecodeError:
        return {}


def put_made(at: Mapping[str, float]) -> None:
    """Store when secrets were made."""
    settings.put(_MADE, msgspec.json.encode(at).decode())


def last_revoked() -> float:
    """Return when a worker was last revoked, in seconds since 1970; 0 for never."""
    row = connection().execute("SELECT max(revoked_us) FROM revoked_key").fetchone()
    return (row[0] or 0) / 1e6
