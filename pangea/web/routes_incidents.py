"""The routes of incidents and notes."""

from .api_incidents import (
    IncidentsQuery,
    acknowledge_incident,
    comment_incident,
    incident,
    incidents,
)
from .api_notes import NotesQuery, add_note, notes
from .route import Route
from .schema_incidents import (
    AckBody,
    CommentBody,
    IncidentAnswer,
    IncidentDetail,
    NoteAnswer,
    NoteSpec,
)

_ALL = "/api/v1/incidents"
_ONE = "/api/v1/incidents/{id}"
_NOTES = "/api/v1/notes"

INCIDENT_ROUTES: list[Route] = [
    Route(
        method="GET",
        path=_ALL,
        handler=incidents,
        summary="What is and was wrong, newest first",
        query=IncidentsQuery,
        answer=list[IncidentAnswer],
    ),
    Route(
        method="GET",
        path=_ONE,
        handler=incident,
        summary="One incident with its members, timeline, evidence and notes",
        answer=IncidentDetail,
    ),
    Route(
        method="POST",
        path=f"{_ONE}/ack",
        handler=acknowledge_incident,
        summary="Tell that somebody takes care of an incident",
        body=AckBody,
        answer=IncidentDetail,
        auth="operator",
    ),
    Route(
        method="POST",
        path=f"{_ONE}/comments",
        handler=comment_incident,
        summary="Put a remark on the timeline of an incident",
        body=CommentBody,
        answer=IncidentDetail,
        auth="operator",
        status=201,
    ),
    Route(
        method="GET",
        path=_NOTES,
        handler=notes,
        summary="What people say happened, newest first",
        query=NotesQuery,
        answer=list[NoteAnswer],
    ),
    Route(
        method="POST",
        path=_NOTES,
        handler=add_note,
        summary="Note what happened, such as a deployment",
        body=NoteSpec,
        answer=NoteAnswer,
        auth="operator",
        status=201,
    ),
]
