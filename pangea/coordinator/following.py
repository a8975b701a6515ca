"""Who hears of results and verdicts, and in which order: the one list of them."""

from typing import TYPE_CHECKING

from .worsening import Worsening

if TYPE_CHECKING:
    from .coordinator import Coordinator


def follow_verdicts(c: "Coordinator") -> None:
    """Let the parts of *c* hear what is judged; who comes later in a list is later."""
    c.judging.hearers += [c.incidents.causes.heard, c.confirming.heard]
    c.judging.voids += [c.planned.upkeep.void, c.planned.drills.void, c.sickness.void]
    c.judging.followers += [
        c.outages.follow,  # the others want to know the times
        c.confirming.follow,
        c.incidents.follow,
        Worsening(c.board, c.incidents, c.clock).follow,
        c.planned.suppression.follow,  # of who has an incident, and who has none
        c.planned.drills.follow,
        c.sickness.isolating.follow,
        c.reasons.explaining.follow,  # its lines stand in incidents
        c.reasons.gathering.follow,
    ]
