"""The API of explanations: why a job has its verdict, now and when it changed."""

from typing import Annotated, Any, Protocol

from aiohttp import web
from msgspec import Meta, Struct

from pangea.core.errors import NotFound

from .api import reply
from .asked import query_of
from .keys import who_is
from .route import Route


class VoiceAnswer(Struct, frozen=True, kw_only=True):
    """What a worker said: its ``vote`` (null: none), and if it counted.

    ``why`` says why not, or why there is none.
    """

    worker: str
    region: str
    vote: str | None
    counts: bool
    why: str
    at: str | None
    expires: str | None
    duration_ms: float | None
    reason: str
    detail: str


class ExplainAnswer(Struct, frozen=True, kw_only=True):
    """Why a job had its ``verdict`` at a time, ``before`` which it had another.

    ``line`` is the line of the rule that decided, in words ``decided`` with its
    counts; of ``voters``, who have a vote or could, ``needed`` must fail for down.
    Of the workers at most 200 are told of, those that count first.
    """

    job: str
    at: str
    verdict: str
    before: str | None
    since: str | None
    reason: str
    line: str
    decided: str
    rule: str
    rule_words: str
    voters: int
    needed: int
    ok: int
    warned: int
    failed: int
    first_fail_at: str | None
    confirmed_at: str | None
    confirmed_after_s: float | None
    votes: list[VoiceAnswer]
    left_out: int = 0


class ExplainQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Of which ``job`` of the incident; all of them if that is not given."""

    job: Annotated[str, Meta(max_length=63)] | None = None


class IncidentExplainAnswer(Struct, frozen=True, kw_only=True):
    """The decisions of an incident as they were then: by member, oldest first.

    ``evidence`` is what was found by one failing and one healthy worker, each with
    the difference in ``words``.
    """

    incident: str
    title: str
    job: str
    opened_at: str
    closed_at: str | None
    decisions: list[ExplainAnswer]
    evidence: list[dict[str, Any]]


class ExplainService(Protocol):
    """Who knows why; NotFound for a job or an incident that is none."""

    async def job(self, org: int, name: str) -> ExplainAnswer:
        """Return why a job has the verdict that it has now."""
        ...

    async def incident(
        self, org: int, id_: str, job: str | None = None
    ) -> IncidentExplainAnswer:
        """Return why an incident is one; of a job's name its open or last one.

        With *job* what was decided of this member of it alone.
        """
        ...


EXPLAIN: web.AppKey[ExplainService] = web.AppKey("explain", ExplainService)


async def explain_job(request: web.Request) -> web.Response:
    """GET /api/v1/jobs/{name}/explain"""
    org, name = who_is(request).org, request.match_info["name"]
    return reply(await _service(request).job(org, name))


async def explain_incident(request: web.Request) -> web.Response:
    """GET /api/v1/incidents/{id}/explain"""
    org, id_ = who_is(request).org, request.match_info["id"]
    job = query_of(request, ExplainQuery).job
    return reply(await _service(request).incident(org, id_, job))


def _service(request: web.Request) -> ExplainService:
    service = request.app.get(EXPLAIN)
    if service is None:
        raise NotFound("this coordinator explains nothing")
    return service


EXPLAIN_ROUTES: list[Route] = [
    Route(
        method="GET",
        path="/api/v1/jobs/{name}/explain",
        handler=explain_job,
        summary="Why a job has its verdict now: votes, exclusions, rule and line",
        answer=ExplainAnswer,
    ),
    Route(
        method="GET",
        path="/api/v1/incidents/{id}/explain",
        handler=explain_incident,
        summary="Why an incident opened and closed, as it was decided then",
        query=ExplainQuery,
        answer=IncidentExplainAnswer,
    ),
]
