"""What stands above the matrix: search, groups, order, and the other pages."""

from collections.abc import Sequence

from msgspec import Struct

from pangea.core.text import safe_text

from .matrix import SORTS, Ask, label_keys
from .schema import JobAnswer
from .text import t
from .words import WORST_FIRST


class Choice(Struct, frozen=True):
    """A value of a select."""

    value: str
    words: str
    on: bool


class Turn(Struct, frozen=True):
    """A link to another page of the list."""

    words: str
    href: str


class Tools(Struct, frozen=True):
    """What stands above the matrix: search, groups, order, and the other pages."""

    q: str
    verdict: str
    sorts: list[Choice]
    groups: list[Choice]
    heads: dict[str, str]
    all: str
    shown: str
    turns: list[Turn]
    narrowed: bool


def tools_of(
    jobs: Sequence[JobAnswer], ask: Ask, found: int, page: int, pages: int
) -> Tools:
    """Return the tools over *jobs*, of which *found* are asked for."""
    labels = [f"label:{key}" for key in label_keys(jobs) if safe_text(key, 60) == key]
    groups = ["", "type", "region", *labels]
    turns = [
        Turn(t("dash.page_before"), ask.href(page=str(page - 1))),
        Turn(t("dash.page_next"), ask.href(page=str(page + 1))),
    ]
    shown = t("dash.shown_all", n=len(jobs))
    if found < len(jobs):
        shown = t("dash.shown_some", found=found, n=len(jobs))
    if pages > 1:
        shown += t("dash.shown_page", page=page, pages=pages)
    return Tools(
        q=ask.q,
        verdict=",".join(v for v in WORST_FIRST if v in ask.verdicts),
        sorts=[Choice(s, t(f"dash.sort_{s}"), s == ask.sort) for s in SORTS],
        groups=[Choice(g, _group_words(g), g == ask.group) for g in groups],
        all=ask.href(q="", verdict=""),
        heads={sort: ask.href(sort=sort) for sort in SORTS},
        shown=shown,
        turns=turns[0 if page > 1 else 1 : 2 if page < pages else 1],
        narrowed=bool(ask.q or ask.verdicts),
    )


def _group_words(group: str) -> str:
    kind, _, key = group.partition(":")
    return safe_text(key, 60) if key else t(f"dash.group_{kind or 'none'}")
