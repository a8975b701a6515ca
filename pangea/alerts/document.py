"""A message for programs and templates: one document, whatever carries it. Pure."""

from datetime import UTC, datetime
from typing import Any, Literal

from msgspec.structs import replace

from .notifier import Message

#: What a pager is to do with the incident of a message.
Action = Literal["trigger", "acknowledge", "resolve"]
_ENDS = {"recovered", "worker-back"}


def action_of(message: Message) -> Action:
    """Return what *message* means for the incident that its ``thread`` names."""
    if message.kind in _ENDS:
        return "resolve"
    return "acknowledge" if message.kind == "acknowledged" else "trigger"


def pages_of(message: Message) -> list[tuple[Action, str]]:
    """Return what a pager is to do, each with the thread (dedup key) it is about.

    ``settles`` in the data of a message, if it is there, are the threads that are
    over with it, ``acknowledges`` those that are taken care of: perhaps several,
    perhaps none.
    """
    action, settled = action_of(message), message.data.get("settles")
    if not isinstance(settled, list | tuple):
        return [(action, message.thread)]
    made: list[tuple[Action, str]] = []
    if action == "trigger":
        made.append((action, message.thread))
    taken = message.data.get("acknowledges", ())
    made += [("acknowledge", str(one)) for one in taken]
    return made + [("resolve", str(one)) for one in settled]


def document(message: Message) -> dict[str, Any]:
    """Return *message* as web hooks, commands and templates get it.

    ``id`` is the same for each attempt, ``thread`` for all messages of an incident;
    ``action`` is trigger, acknowledge or resolve; ``at`` is RFC 3339. Further facts
    are in ``data``.
    """
    return {
        "id": message.id,
        "thread": message.thread,
        "kind": message.kind,
        "severity": message.severity,
        "action": action_of(message),
        "drill": message.drill,
        "at": moment(message.at_us),
        "subject": message.subject,
        "text": message.text,
        "url": message.url,
        "ack_url": message.ack_url,
        "data": message.data,
    }


def moment(at_us: int) -> str:
    """Return a moment in RFC 3339, UTC, to the second."""
    at = datetime.fromtimestamp(at_us // 1_000_000, UTC)
    return at.isoformat().replace("+00:00", "Z")


def cut(text: str, limit: int) -> str:
    """Return *text*, or its beginning with a mark if it is longer than *limit*."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def cut_bytes(text: str, limit: int) -> str:
    """Return *text*, or as much of its beginning as *limit* bytes of UTF-8 hold."""
    if len(text.encode()) <= limit:
        return text
    return text.encode()[: limit - 3].decode("utf-8", "ignore") + "…"


#: A message to try templates with, and to test channels.
SAMPLE = Message(
    id="0" * 16,
    thread="0" * 16,
    kind="test",
    severity="info",
    at_us=1_700_000_000_000_000,
    subject="Test",
    text="This is a test.",
    url="https://pangea.example/incidents/1",
    ack_url="https://pangea.example/ack/1",
    data={},
)
_ITEM = {
    "kind": "down",
    "step": "down",
    "title": "shop",
    "reason": "2 of 3 failed: connection refused",
    "incident": "5442xdkbkz",
    "job": "shop",
    "since": "2026-01-31T03:12:07.000000Z",
}
_ONE = _ITEM | {
    "id": "0" * 16,
    "thread": "0" * 16,
    "severity": "critical",
    "rule": "default",
    "at": "2026-01-31T03:12:11.000000Z",
    "worker": "",
    "drill": False,
    "facts": {"job": "shop", "why": "2 of 3 failed", "votes": "paris: failed"},
    "links": {"incident": "https://pangea.example/incidents/5442xdkbkz"},
    "next": "take care of it: pangea incident ack 5442xdkbkz",
    "settles": [],
    "acknowledges": [],
    "repeated": False,
    "count": 1,
}
_MANY = {
    "count": 2,
    "items": [_ITEM, _ITEM],
    "settles": [],
    "acknowledges": [],
    "repeated": False,
}
#: What a template may be given: one outage, its end, a list, and a test. It is tried
#: with each of them when it is saved.
SAMPLES = (
    replace(SAMPLE, kind="down", severity="critical", data=_ONE),
    replace(SAMPLE, kind="recovered", data=_ONE | {"kind": "recovered", "facts": {}}),
    replace(SAMPLE, kind="down", severity="critical", data=_MANY),
    SAMPLE,
)
