"""What needs a person, as the pages list it."""

from msgspec import Struct

from pangea.core.text import safe_text

from .schema import StatusAnswer


class ConcernView(Struct, frozen=True):
    """One thing to look at: with which worker ("" for none), and the next step."""

    about: str
    what: str
    next: str


class ConcernsView(Struct, frozen=True):
    """What there is to look at, the most pressing first."""

    shown: list[ConcernView]


def concerns_view(status: StatusAnswer) -> ConcernsView:
    """Return what *status* is concerned about."""
    shown = [
        ConcernView(
            about=safe_text(concern.about, 63),
            what=safe_text(concern.what, 200),
            next=safe_text(concern.next, 300),
        )
        for concern in status.concerns
    ]
    return ConcernsView(shown)
