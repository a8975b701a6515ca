"""The words of a message: what, since when, seen from where, why, and what to do."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct, field

from .durations import format_duration
from .notice import Kind, Notice
from .notification import Notification
from .text import safe_text

#: Lines of a list, and names in a subject.
MOST_LINES, MOST_NAMES = 50, 3
#: What is told of a thing, in this order; facts of other names come after them.
LABELS = {
    "why": "Why",
    "votes": "Seen from",
    "evidence": "Difference",
    "cause": "Shared cause",
    "jobs": "Jobs",
    "target": "Target",
    "changed": "What changed",
    "detected": "Detected",
    "acknowledged": "Acknowledged",
    "note": "Note",
}
#: The same of what is over.
OVER = {"why": "It was", "votes": "Seen now"}
#: What stands among the links, or in the first sentence.
LINKED = ("job", "until")
WORDS: dict[Kind, str] = {
    "down": "DOWN",
    "degraded": "DEGRADED",
    "recovered": "RECOVERED",
    "certificate": "CERTIFICATE",
    "changed": "CHANGED",
    "unknown": "UNKNOWN",
    "worker-lost": "WORKER LOST",
    "worker-back": "WORKER BACK",
    "worker-isolated": "WORKER ISOLATED",
    "coordinator-isolated": "COORDINATOR CUT OFF",
    "storage": "STORAGE",
    "gap": "RESULTS LOST",
}
_UNSURE = "This may have reached you already: it was cut short while it was sent."


class Said(Struct, frozen=True, kw_only=True):
    """A message in words: of one thing, or of a list."""

    subject: str
    text: str
    url: str = ""
    data: dict[str, Any] = field(default_factory=dict)


class Around(Struct, frozen=True, kw_only=True):
    """What a message says beside what it is about.

    ``now_us`` is when it is sent, ``url`` where people reach this site (without a
    slash at its end), ``settles`` the threads that are over with it and
    ``acknowledges`` those that are taken care of. ``repeated`` if it may have arrived
    before. ``ack_url`` acknowledges, if the words are to say so.
    """

    now_us: int
    url: str = ""
    settles: tuple[str, ...] = ()
    acknowledges: tuple[str, ...] = ()
    repeated: bool = False
    ack_url: str = ""


def word_of(kind: Kind) -> str:
    """Return *kind* as it stands in a subject."""
    return WORDS.get(kind, kind.upper())


def say(them: Sequence[Notification], around: Around) -> Said:
    """Return the words for what goes into one message."""
    return _one(them[0], around) if len(them) == 1 else _many(them, around)


def _one(it: Notification, around: Around) -> Said:
    notice = it.notice
    subject = f"{_marks(it)}{word_of(it.kind)} {notice.title}"
    if it.is_over:
        subject += f" after {_lasted(notice)}"
    elif notice.reason:
        subject += f": {notice.reason}"
    lines = [_lead(it, around), *_step_line(it), ""]
    lines += _told(notice.facts, LABELS | (OVER if it.is_over else {}))
    links = _links(notice, around.url)
    lines += ["", *(f"{name.capitalize():<13}{url}" for name, url in links.items())]
    lines += [f"{'Acknowledge':<13}{around.ack_url}"] if around.ack_url else []
    lines += [f"{'Next':<13}{step}" for step in [_next(it, around)] if step]
    if around.repeated:
        lines += ["", _UNSURE]
    lines += ["", f"Told by the rule {it.rule_name} ({it.step}), {it.id}."]
    url = next(iter(links.values()), around.url)
    data = _data(it, around, links)
    text = "\n".join(_without_gaps(lines))
    return Said(subject=safe_text(subject, 200), text=text, url=url, data=data)


def _many(them: Sequence[Notification], around: Around) -> Said:
    counts = Counter(word_of(it.kind) for it in them)
    names = list(dict.fromkeys(it.notice.title for it in them))
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    counted = ", ".join(f"{count} {word}" for word, count in counts.items())
    subject = f"{counted}: {', '.join(names[:MOST_NAMES])}{more}"
    lines = [f"{len(them)} alerts in one message: {counted}.", ""]
    lines += [_line(it) for it in them[:MOST_LINES]]
    if len(them) > MOST_LINES:
        lines.append(f"… and {len(them) - MOST_LINES} more.")
    url = f"{around.url}/incidents" if around.url else ""
    lines += ["", f"{'Incidents':<13}{url}"] if url else []
    lines += [f"{'Acknowledge':<13}{around.ack_url}"] if around.ack_url else []
    here = "take care of all: the link above, or " if around.ack_url else ""
    lines += ["", f"{'Next':<13}{here}pangea incident list"]
    if around.repeated:
        lines += ["", _UNSURE]
    data = {
        "count": len(them),
        "items": [_item(it) for it in them[:MOST_LINES]],
        **_shared(them, around),
    }
    return Said(
        subject=safe_text(subject, 200), text="\n".join(lines), url=url, data=data
    )


def _marks(it: Notification) -> str:
    """Return what a subject begins with if it is no news."""
    name, _, number = it.step.partition(".")
    if name == "remind":
        return "[reminder] "
    if name == "grown":
        return "[more] "
    return "[escalated] " if number else ""


def _lead(it: Notification, around: Around) -> str:
    """Return the first sentence: what, since when, and for how long."""
    notice, since = it.notice, _clock(it.notice.since_us)
    drill = "This is a DRILL: it fails on purpose. " if notice.drill else ""
    if it.is_over:
        ended = _clock(notice.at_us)
        return f"{drill}{notice.title}: over since {ended}, after {_lasted(notice)}."
    if it.kind == "acknowledged":
        return f"{drill}{notice.title}: somebody takes care of it."
    if it.kind == "certificate" and "until" in notice.facts:
        until = f"it holds until {notice.facts['until']}"
        return f"{notice.title}: the certificate {notice.reason}, {until}."
    spent = _spent(notice.since_us, around.now_us)
    word = word_of(it.kind).lower()
    said = word.upper() if it.kind in ("down", "degraded") else word
    lasts = f" (for {spent})" if around.now_us - notice.since_us >= 1_000_000 else ""
    return f"{drill}{notice.title}: {said} since {since}{lasts}."


def _step_line(it: Notification) -> list[str]:
    name, _, _ = it.step.partition(".")
    if name == "remind":
        return ["It goes on, and nobody has acknowledged it."]
    if name == "grown":
        return ["More jobs are part of it than were told before."]
    if "." in it.step:
        return ["Nobody has acknowledged it, so you are told as well."]
    return []


def _told(facts: Mapping[str, str], labels: Mapping[str, str]) -> list[str]:
    known = [n for n in LABELS if n in facts]
    names = [*known, *(n for n in facts if n not in LABELS and n not in LINKED)]
    lines: list[str] = []
    for name in names:
        first, *rest = facts[name].split("\n")
        lines.append(f"{labels.get(name, name.capitalize()):<13}{first}")
        lines += [f"{'':<13}{line}" for line in rest]
    return lines


def _links(notice: Notice, url: str) -> dict[str, str]:
    if not url:
        return {}
    name = notice.facts.get("job", "")
    links = {"incident": notice.incident and f"{url}/incidents/{notice.incident}"}
    links["job"] = name and f"{url}/jobs/{name}"
    links["workers"] = f"{url}/workers" if notice.worker else ""
    return {name: link for name, link in links.items() if link}


def _next(it: Notification, around: Around) -> str:
    """Return what to do about it."""
    notice = it.notice
    if it.is_over or it.kind == "acknowledged":
        return ""
    if notice.incident:
        here = "the link above, or " if around.ack_url else ""
        return f"take care of it: {here}pangea incident ack {notice.incident}"
    job = notice.facts.get("job", "NAME")
    return {
        "certificate": f"renew it; then: pangea job run {job}",
        "changed": f"is that as it should be? pangea results {job}",
        "unknown": f"see who can tell: pangea job show {job}",
        "worker-lost": "on its machine: pangea doctor",
        "worker-isolated": "on its machine: pangea doctor",
        "coordinator-isolated": "look at the network of the coordinator",
        "storage": "make room, or mend the disk of the coordinator",
        "gap": f"see what is missing: pangea worker show {notice.worker}",
    }.get(it.kind, "")


def _line(it: Notification) -> str:
    notice = it.notice
    drill = "DRILL " if notice.drill else ""
    said = f" after {_lasted(notice)}" if it.is_over else _because(notice)
    where = f"  [{notice.incident}]" if notice.incident else ""
    return f"{drill}{word_of(it.kind):<10} {notice.title}{said}{where}"


def _because(notice: Notice) -> str:
    at = datetime.fromtimestamp(notice.since_us / 1e6, UTC)
    reason = f": {notice.reason}" if notice.reason else ""
    return f" since {at:%H:%M:%S}{reason}"


def _data(it: Notification, around: Around, links: dict[str, str]) -> dict[str, Any]:
    notice = it.notice
    return {
        **_item(it),
        "id": it.id,
        "severity": notice.severity,
        "rule": it.rule_name,
        "at": _iso(notice.at_us),
        "worker": notice.worker,
        "drill": notice.drill,
        "facts": dict(notice.facts),
        "links": links,
        "next": _next(it, around),
        "count": 1,
        **_shared((it,), around),
    }


def _shared(them: Iterable[Notification], around: Around) -> dict[str, Any]:
    return {
        "settles": list(around.settles),
        "acknowledges": list(around.acknowledges),
        "repeated": around.repeated,
    }


def _item(it: Notification) -> dict[str, Any]:
    notice = it.notice
    return {
        "kind": it.kind,
        "step": it.step,
        "title": notice.title,
        "reason": notice.reason,
        "incident": notice.incident,
        "job": notice.facts.get("job", ""),
        "since": _iso(notice.since_us),
    }


def _lasted(notice: Notice) -> str:
    return _spent(notice.since_us, notice.at_us)


def _spent(since_us: int, until_us: int) -> str:
    return format_duration(max(round((until_us - since_us) / 1e6), 0))


def _clock(at_us: int) -> str:
    return f"{datetime.fromtimestamp(at_us / 1e6, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _iso(at_us: int) -> str:
    return f"{datetime.fromtimestamp(at_us / 1e6, UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


def _without_gaps(lines: Sequence[str]) -> list[str]:
    """Return *lines* without an empty one after another, or at an end."""
    kept: list[str] = []
    for line in lines:
        if line or (kept and kept[-1]):
            kept.append(line)
    return kept


#: Kept for those who compose a message in another form.
Compose = Callable[[Sequence[Notification], Around], Said]
