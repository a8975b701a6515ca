"""When to try again, as an answer says it. Pure."""

import email.utils
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

#: Nobody is asked to wait longer: one bad answer must not mute a channel for a day.
LONGEST_S = 3_600.0


def retry_after(headers: Mapping[str, str], body: bytes) -> float | None:
    """Return the seconds to wait, None if neither *headers* nor *body* say.

    The header is a number or a date (RFC 9110, 10.2.3), which is taken relative to
    the date of the answer: no clock of ours is asked. Discord, Telegram and Matrix
    say it more exactly in their JSON.
    """
    in_body, in_header = _in_body(body), _in_header(headers)
    said = in_header if in_body is None else in_body
    if said is None or said != said:
        return None
    return min(max(said, 0.0), LONGEST_S)


def _in_header(headers: Mapping[str, str]) -> float | None:
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    until, now = _date(text), _date(headers.get("Date", ""))
    return (until - now).total_seconds() if until and now else None


def _date(text: str) -> datetime | None:
    try:
        found = email.utils.parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    return found if found.tzinfo else None


def _in_body(body: bytes) -> float | None:
    try:
        said: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    inner = said.get("parameters")
    for found, factor in (
        (said.get("retry_after"), 1.0),
        (said.get("retry_after_ms"), 0.001),
        (inner.get("retry_after") if isinstance(inner, dict) else None, 1.0),
    ):
        if isinstance(found, int | float) and not isinstance(found, bool):
            return float(found) * factor
    return None
