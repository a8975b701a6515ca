"""Uptime and promises in words, for every command that shows them."""

from typing import Any

from pangea.core.durations import format_duration
from pangea.core.errors import NotFound

from .client import Client, path_of

#: Of the kinds of minutes, those that people read, in this order.
WORDS = {
    "up": "up",
    "degraded": "degraded",
    "down": "down",
    "unknown": "unknown",
    "maintenance": "in maintenance",
    "drill": "in a drill",
    "paused": "paused",
    "no_data": "not measured",
}


def uptime_of(client: Client, name: str, seconds: float = 30 * 86400) -> dict[str, Any]:
    """Return the uptime of a job; nothing from a coordinator that knows none."""
    try:
        answer = client.get(path_of("jobs", name, "uptime"), range=f"{seconds:f}")
    except NotFound:
        return {}
    return answer if isinstance(answer, dict) else {}


def time_rows(answer: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return the rows that tell how long a job was what, and what is promised."""
    minutes = answer.get("minutes") or {}
    spent = [
        f"{format_duration(minutes[kind] * 60)} {word}"
        for kind, word in WORDS.items()
        if minutes.get(kind)
    ]
    return [("time", ", ".join(spent)), ("slo", slo_words(answer))]


def slo_words(answer: dict[str, Any]) -> str:
    """Return a promise, what is left of its budget, and how fast that burns."""
    slo = answer.get("slo")
    if not slo:
        return ""
    if slo.get("too_young"):
        return f"{slo['target']:g} %, too young to tell ({slo['too_young']})"
    left, total = slo["left_min"], slo["budget_min"]
    budget = f"{format_duration(left * 60)} of {format_duration(total * 60)} left"
    if left < 0:
        over = format_duration(-left * 60)
        budget = f"broken: {over} more than the {format_duration(total * 60)} allowed"
    burn = [f"{name} {v:.3g}x" for name, v in slo["burn"].items() if v is not None]
    burning = f"; burning {', '.join(burn)}" if burn else ""
    return f"{slo['target']:g} %, {budget}{burning}"
