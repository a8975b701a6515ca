"""What incidents and notes look like to the API: pure translation."""

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec.structs import replace

from pangea.core.headline import Member
from pangea.core.incident import Entry, Incident
from pangea.core.model import Job, Verdict
from pangea.storage.notes import Note
from pangea.web.schema import moment
from pangea.web.schema_incidents import (
    MOST_JOBS,
    EntryAnswer,
    IncidentAnswer,
    IncidentDetail,
    MemberAnswer,
    NoteAnswer,
)

from .board import Board
from .incident_writes import state_of

#: The lines that hold what was gathered at the confirmation, and those by which a
#: verdict is explained; all that these hold is told elsewhere.
EVIDENCE, EXPLAIN = "evidence", "explain"


def incident_answer(board: Board, incident: Incident, now_us: int) -> IncidentAnswer:
    """Return an incident in short."""
    names = [_name(board, m) for m in incident.members.values()]
    first = incident.members.get(incident.job)
    ended_us = incident.closed_us or max(now_us, incident.opened_us)
    down_us = incident.confirmed_us
    spent_us = max(down_us - incident.first_fail_us, 0)
    lasted_us = max(ended_us - incident.opened_us - incident.away_us, 0)
    acked_us, told_us = incident.acked_us, incident.alerted_us
    reached_us = max(told_us - incident.first_fail_us, 0)
    storm = incident.is_storm
    return IncidentAnswer(
        id=incident.id,
        title=incident.title if storm or not names else names[0],
        state=state_of(incident),
        job=_name(board, first) if first else "",
        jobs=names[:MOST_JOBS],
        job_count=len(names),
        unwell_count=incident.unwell,
        verdict=incident.verdict,
        worst=incident.worst,
        reason=incident.reason,
        cause=incident.causes[0].words if storm and incident.causes else "",
        opened_at=moment(incident.opened_us),
        closed_at=moment(incident.closed_us) if incident.closed_us else None,
        duration_s=round(lasted_us / 1e6, 3),
        first_fail_at=moment(incident.first_fail_us),
        confirmed_at=moment(down_us) if down_us else None,
        confirmed_after_s=round(spent_us / 1e6, 3) if down_us else None,
        alerted_at=moment(told_us) if told_us else None,
        alerted_after_s=round(reached_us / 1e6, 3) if told_us else None,
        bad_since=moment(incident.since_us or incident.opened_us),
        acknowledged_at=moment(acked_us) if acked_us else None,
        acknowledged_by=incident.acked_by,
        acknowledged_text=incident.ack_text,
        new_since_ack=len(incident.news),
        reopened=incident.reopened,
        flapping=bool(incident.flapping),
        drill=incident.drill,
        backfilled=incident.backfilled,
        retracted=incident.retracted,
        merged_into=incident.merged_into or None,
    )


def incident_then(board: Board, incident: Incident, at_us: int) -> IncidentAnswer:
    """Return an incident in short as it was at a moment at which it was open.

    Jobs and titles are those that it has now.
    """
    acked = 0 < incident.acked_us <= at_us
    then = replace(
        incident,
        closed_us=0,
        merged_into="",
        retracted=False,
        acked_us=incident.acked_us if acked else 0,
        acked_by=incident.acked_by if acked else "",
        ack_text=incident.ack_text if acked else "",
        news=(),
    )
    return incident_answer(board, then, at_us)


def incident_detail(
    board: Board,
    incident: Incident,
    timeline: Iterable[Entry],
    evidence: Iterable[Entry],
    notes: Iterable[Note],
    now_us: int,
) -> IncidentDetail:
    """Return an incident with all that is known of it."""
    lines = [e for e in timeline if e.kind != EXPLAIN]
    short = incident_answer(board, incident, now_us)
    return IncidentDetail(
        **msgspec.structs.asdict(short),
        members=[_member(board, incident, m) for m in incident.members.values()],
        timeline=[_entry(e) for e in lines],
        evidence=[_evidence(e) for e in evidence],
        notes=[note_answer(note) for note in notes],
    )


def spoken_of(job: Job) -> dict[str, str]:
    """Return the labels by which a note is about *job*: its own, and its name."""
    return {"job": job.name} | job.labels


def note_answer(note: Note) -> NoteAnswer:
    """Return a note."""
    return NoteAnswer(
        id=note.id,
        at=moment(note.at_us),
        text=note.text,
        labels=note.labels,
        who=note.who,
        added_at=moment(note.added_us),
    )


def _name(board: Board, member: Member) -> str:
    """Return what a member is called now, or was when it was here."""
    job = board.jobs.get(member.job)
    return job.name if job else member.name


def _member(board: Board, incident: Incident, member: Member) -> MemberAnswer:
    well = member.recovered_us
    return MemberAnswer(
        job=_name(board, member),
        verdict=Verdict.UP if well else member.verdict,
        joined_at=moment(member.joined_us),
        bad_since=moment(member.bad_us),
        recovered_at=moment(well) if well else None,
        reason=member.reason,
        new_since_ack=member.job in incident.news,
        cleared=member.job in incident.cleared,
    )


def _evidence(entry: Entry) -> dict[str, Any]:
    return {"at": moment(entry.at_us), **entry.data}


def _entry(entry: Entry) -> EntryAnswer:
    return EntryAnswer(
        at=moment(entry.at_us),
        kind=entry.kind,
        who=entry.who,
        text=entry.text,
        data={} if entry.kind == EVIDENCE else entry.data,
    )
