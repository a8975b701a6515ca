"""What needs a person, as the pages list it."""

from msgspec import Struct

from pangea.core.text import safe_text

from .schema import StatusAnswer

#: The front page is for verdicts: it names so many, and leads to the others.
ON_FRONT = 3


class ConcernView(Struct, frozen=True):
    """One thing to look at: with which worker ("" for none), and the next step."""

    about: str
    what: str
    next: str


class ConcernsView(Struct, frozen=True):
    """The most pressing things to look at, and how many more there are."""

    shown: list[ConcernView]
    more: int = 0


def concerns_view(status: StatusAnswer, most: int | None = None) -> ConcernsView:
    """Return what *status* is concerned about, the first *most* of it."""
    shown = [
        ConcernView(
            about=safe_text(concern.about, 63),
            what=safe_text(concern.what, 200),
            next=safe_text(concern.next, 300),
        )
        for concern in status.concerns[:most]
    ]
    return ConcernsView(shown, len(status.concerns) - len(shown))
