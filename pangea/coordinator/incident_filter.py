"""Which incidents somebody looks for: words, a state, what they have in common."""

from collections.abc import Callable

from pangea.core.incident import Incident
from pangea.web.api_incidents import IncidentsQuery

from .incident_writes import state_of


def wanted_of(asked: IncidentsQuery) -> Callable[[Incident], bool] | None:
    """Return what tells whether an incident is wanted; None if all of them are.

    Of the words each must be found somewhere, but ``-word`` nowhere.
    """
    words = (asked.q or "").lower().split()
    if not (words or asked.state or asked.cause):
        return None
    return lambda incident: (
        (not asked.state or state_of(incident) == asked.state)
        and (not asked.cause or asked.cause in {c.kind for c in incident.causes})
        and _has(incident, words)
    )


def _has(incident: Incident, words: list[str]) -> bool:
    if not words:
        return True
    said = [incident.id, incident.title, incident.reason, incident.worst]
    said += [incident.acked_by, incident.ack_text]
    said += [cause.words for cause in incident.causes]
    for member in incident.members.values():
        said += [member.name, member.reason]
    text = "\n".join(said).lower()
    return all(
        word[1:] not in text if len(word) > 1 and word[0] == "-" else word in text
        for word in words
    )
