"""What the link of a message is worth now, and what its page shows. Pure."""

from collections.abc import Sequence

from pangea.core.incident import Incident
from pangea.core.model import Verdict
from pangea.core.notification import Notification
from pangea.core.text import safe_text
from pangea.web.ack_pages import MOST_NOTE, AckShown
from pangea.web.schema import moment

#: Names of incidents in a title.
MOST_NAMES = 3


def is_news(it: Notification) -> bool:
    """Tell whether there is something to take care of in what is told."""
    return not it.is_over and it.kind != "acknowledged"


def state_of(incident: Incident, reopened: int) -> str:
    """Return ``ready``, or why *incident* is not to be acknowledged by a link.

    *reopened* is how often it had opened again when it was told.
    """
    if incident.merged_into:
        return "merged"
    if not incident.is_open or incident.reopened != reopened:
        return "over"
    return "taken" if incident.acked_us and not incident.news else "ready"


def shown(them: Sequence[Incident], channel: str, state: str) -> AckShown:
    """Return what the page shows of the incidents of a message to *channel*."""
    first = next((one for one in them if one.acked_us), them[0])
    worst = max(them, key=lambda one: one.verdict is Verdict.DOWN)
    return AckShown(
        state=state,
        count=len(them),
        title=safe_text(", ".join(_titles(them)), 200),
        verdict=worst.verdict,
        reason=safe_text(first.reason, 300) if len(them) == 1 else "",
        since=moment(min(one.since_us or one.opened_us for one in them)),
        channel=channel,
        incident=first.id,
        by=safe_text(first.acked_by, 100),
        at=moment(first.acked_us) if first.acked_us else "",
        text=safe_text(first.ack_text, MOST_NOTE),
        drill=all(one.drill for one in them),
    )


def _titles(them: Sequence[Incident]) -> list[str]:
    found = [_title(one) for one in them[:MOST_NAMES]]
    more = len(them) - len(found)
    return [*found, f"and {more} more"] if more else found


def _title(incident: Incident) -> str:
    names = [member.name for member in incident.members.values()]
    return incident.title if len(names) > 1 else names[0]
