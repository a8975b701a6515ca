"""What people do with an incident: they take care of it, and remark on it."""

from msgspec.structs import replace

from .incident import Entry, Incident, Step


def acknowledge(incident: Incident, who: str, text: str, at_us: int) -> Step:
    """Return *incident*, which *who* takes care of, with what is known of it now.

    If somebody does already and nothing is said, that stays; what is new is known.
    """
    if incident.acked_us and not text:
        if not incident.news:
            return Step(incident)
        known = replace(incident, news=(), updated_us=at_us)
        words = f"{len(incident.news)} new since"
        return Step(
            known, (Entry(kind="acknowledged", at_us=at_us, who=who, text=words),)
        )
    acked = replace(
        incident,
        acked_us=at_us,
        acked_by=who,
        ack_text=text,
        news=(),
        updated_us=at_us,
    )
    return Step(acked, (Entry(kind="acknowledged", at_us=at_us, who=who, text=text),))


def comment(incident: Incident, who: str, text: str, at_us: int) -> Step:
    """Return *incident* with a remark of *who* on its timeline."""
    entry = Entry(kind="comment", at_us=at_us, who=who, text=text)
    return Step(replace(incident, updated_us=at_us), (entry,))
