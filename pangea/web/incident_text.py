"""An incident as Markdown, for a ticket or the notes of a review."""

import re
from collections.abc import Iterable, Iterator

from .incident_view import IncidentView, Line
from .text import t
from .words import When

#: What means something in Markdown, also in that of GitHub and GitLab.
_MARKS = re.compile(r"([\\`*_{}\[\]#|~$>@])")


def markdown_of(view: IncidentView) -> str:
    """Return *view* as Markdown; what others said is text in it, and no markup."""
    return "\n".join(_lines(view)) + "\n"


def _lines(view: IncidentView) -> Iterator[str]:
    yield f"# {plain(view.title)}"
    yield ""
    marks = ", ".join([view.state, *view.marks])
    yield f"**{view.badge.word}**, {plain(marks)}. {plain(view.reason)}"
    if view.cause:
        yield ""
        yield plain(view.cause)
    yield ""
    for name, at, more in view.moments:
        yield f"- {name}: {_at(at)}{f' ({plain(more)})' if more else ''}"
    for name, text in view.facts:
        yield f"- {name}: {plain(text)}"
    if view.care:
        said = f": {plain(view.care_text)}" if view.care_text else ""
        yield f"- {t('incidents.taken_by')}: {plain(view.care)}{said}"
    yield from _members(view)
    yield from _evidence(view)
    yield from _told(t("incidents.timeline"), view.timeline)
    yield from _told(t("incidents.notes"), view.notes)


def _members(view: IncidentView) -> Iterator[str]:
    yield from _head(t("incidents.members"))
    titles = ("job", "verdict", "since", "well_again", "reason")
    yield _row(t(f"incidents.md_{name}") for name in titles)
    yield _row("---" for _ in titles)
    for one in view.members:
        cells = (one.job, one.badge.word)
        ends = (_at(one.since), _at(one.well))
        yield _row([*map(plain, cells), *ends, plain(one.reason)])


def _evidence(view: IncidentView) -> Iterator[str]:
    for one in view.evidence:
        yield from _head(t("incidents.evidence_of", job=plain(one.job)))
        yield plain(one.words)
        yield ""
        yield _row(["", *map(plain, one.workers)])
        yield _row(["---"] * (len(one.workers) + 1))
        for row in one.rows:
            yield _row([plain(row.name), *map(plain, row.sides)])


def _told(title: str, lines: list[Line]) -> Iterator[str]:
    if not lines:
        return
    yield from _head(title)
    for one in lines:
        who = f" {plain(one.who)}:" if one.who else ""
        kind = f" {plain(one.kind)}:" if one.kind else ""
        yield f"- {_at(one.at)}{kind}{who} {plain(one.text)}".rstrip()


def _head(title: str) -> list[str]:
    return ["", f"## {title}", ""]


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _at(at: When | None) -> str:
    return at.exact if at else ""


def plain(text: str) -> str:
    """Return *text* with everything escaped that Markdown or HTML would read."""
    safe = text.replace("&", "&amp;").replace("<", "&lt;")
    return _MARKS.sub(r"\\\1", safe)
