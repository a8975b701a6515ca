"""The rule of each organisation that holds where a job's own says nothing."""

from .connection import connection
from .settings import put

_KEY = "judging:"


def defaults() -> dict[int, str]:
    """Return the default rules by organisation."""
    rows = connection().execute(
        "SELECT key, value FROM setting WHERE key LIKE ?", (f"{_KEY}%",)
    )
    return {int(key.removeprefix(_KEY)): str(value) for key, value in rows}


def put_default(org: int, rule: str) -> None:
    """Store the default rule of *org*."""
    put(f"{_KEY}{org}", rule)
