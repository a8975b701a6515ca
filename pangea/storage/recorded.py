"""All that is recorded of a job over a stretch, to judge it again."""

from pangea.core.model import Job, Verdict
from pangea.core.replay import Recorded
from pangea.core.uptime import Span
from pangea.core.verdict import Transition

from . import lateness, log_then, spans

#: Of more changes than this only the first are looked at, and that is said.
MOST_CHANGES = 100_000


def recorded(job: Job, whole: Span) -> tuple[Recorded, list[Transition]]:
    """Return what is recorded of *job*, and the verdicts that hold, oldest first.

    The stretch begins when the job was added, if that is later, and ends at the
    last change that is looked at, if there are too many.
    """
    begin = min(max(whole.begin_us, job.created_at_us), whole.end_us)
    end = whole.end_us
    changes = log_then.changes(job.id, begin, end, MOST_CHANGES)
    if len(changes) == MOST_CHANGES:
        end = changes[-1].at_us
    said = log_then.held(job.id, begin, end)
    aside = spans.between(job.id, begin, end)
    told = Recorded(
        job=job.id,
        interval_s=job.interval_s,
        begin_us=begin,
        end_us=end,
        verdict=said[0].after if said and said[0].at_us <= begin else Verdict.UNKNOWN,
        held=log_then.votes_at([job.id], begin)[job.id],
        changes=changes,
        seats=lateness.seats(job.id, begin, end),
        planned=[s.span for s in aside if s.kind == spans.MAINTENANCE],
        drills=[s.span for s in aside if s.kind == spans.DRILL],
    )
    return told, said
