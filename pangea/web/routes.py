"""The route table: everything that may be asked of the site, on one screen."""

from .ack_pages import ACK_PAGES
from .api import (
    AddQuery,
    Health,
    HistoryQuery,
    Paging,
    ResultsQuery,
    add_job,
    edit_job,
    healthz,
    history,
    push,
    readyz,
    remove_job,
    results,
    run_job,
    start_job,
    stop_job,
)
from .api_explain import EXPLAIN_ROUTES
from .api_judging import JUDGING_ROUTES
from .api_mesh import MeshAnswer, mesh_matrix
from .api_metrics import METRICS_ROUTE
from .api_past import AtQuery, JobsQuery, UptimeQuery, job, jobs, status, uptime
from .api_probes import LINES, ProbeLine, ProbeSpec
from .api_probes import ask as ask_probe
from .api_secrets import (
    FinishBody,
    SecretsAnswer,
    finish_rotation,
    secrets,
    start_rotation,
    use_rotation,
)
from .api_timeline import TIMELINE_ROUTES
from .docs import docs, document
from .login import LOGIN
from .mesh import MESH
from .pages import PAGES
from .route import Route
from .routes_alerts import ALERT_ROUTES
from .routes_backups import BACKUP_ROUTES
from .routes_channels import CHANNEL_ROUTES
from .routes_incidents import INCIDENT_ROUTES
from .routes_past import PAST_ROUTES
from .routes_planned import PLANNED_ROUTES
from .routes_queries import QUERY_ROUTES
from .routes_workers import WORKER_ROUTES
from .schema import (
    AddedJob,
    HistoryAnswer,
    JobAnswer,
    JobPatch,
    JobSpec,
    PushAnswer,
    PushQuery,
    ResultAnswer,
    StatusAnswer,
    WorkerChoice,
)
from .schema_past import UptimeAnswer
from .schema_run import RunAnswer
from .sse import EventsQuery, events

_V1 = "/api/v1"
_JOB = "/api/v1/jobs/{name}"

API: list[Route] = [
    Route(
        method="GET",
        path="/healthz",
        handler=healthz,
        summary="Alive?",
        answer=Health,
        auth="none",
    ),
    Route(
        method="GET",
        path="/readyz",
        handler=readyz,
        summary="Able to serve? 503 with the reason if not",
        answer=Health,
        auth="none",
    ),
    METRICS_ROUTE,
    Route(
        method="GET",
        path=f"{_V1}/openapi.json",
        handler=document,
        summary="This document",
        auth="none",
    ),
    Route(
        method="GET",
        path=f"{_V1}/status",
        handler=status,
        summary="The coordinator in one answer, now or as of a moment",
        query=AtQuery,
        answer=StatusAnswer,
    ),
    Route(
        method="GET",
        path=f"{_V1}/jobs",
        handler=jobs,
        summary="All jobs by name, with verdict and votes, now or as of a moment",
        query=JobsQuery,
        answer=list[JobAnswer],
    ),
    Route(
        method="POST",
        path=f"{_V1}/jobs",
        handler=add_job,
        summary="Add a job; with dry_run only tell what it would cost",
        query=AddQuery,
        body=JobSpec,
        answer=AddedJob,
        auth="admin",
        status=201,
    ),
    Route(
        method="GET",
        path=_JOB,
        handler=job,
        summary="One job with verdict and votes, now or as of a moment",
        query=AtQuery,
        answer=JobAnswer,
    ),
    Route(
        method="PATCH",
        path=_JOB,
        handler=edit_job,
        summary="Change a job; its history stays with it",
        body=JobPatch,
        answer=JobAnswer,
        auth="admin",
    ),
    Route(
        method="DELETE",
        path=_JOB,
        handler=remove_job,
        summary="Remove a job",
        auth="admin",
        status=204,
    ),
    Route(
        method="POST",
        path=f"{_JOB}/stop",
        handler=stop_job,
        summary="Stop a job, everywhere or on one worker",
        body=WorkerChoice,
        answer=JobAnswer,
        auth="admin",
    ),
    Route(
        method="POST",
        path=f"{_JOB}/start",
        handler=start_job,
        summary="Start a job, everywhere or on one worker",
        body=WorkerChoice,
        answer=JobAnswer,
        auth="admin",
    ),
    Route(
        method="POST",
        path=f"{_JOB}/run",
        handler=run_job,
        summary="Probe now, on every connected worker of the job",
        answer=RunAnswer,
        auth="admin",
    ),
    Route(
        method="GET",
        path=f"{_JOB}/results",
        handler=results,
        summary="Results, newest first",
        query=ResultsQuery,
        answer=list[ResultAnswer],
    ),
    Route(
        method="GET",
        path=f"{_JOB}/history",
        handler=history,
        summary="Counts and percentiles over a stretch of time",
        query=HistoryQuery,
        answer=HistoryAnswer,
    ),
    Route(
        method="GET",
        path=f"{_JOB}/uptime",
        handler=uptime,
        summary="How long it was up, degraded, down or not known, and what is promised",
        query=UptimeQuery,
        answer=UptimeAnswer,
    ),
    Route(
        method="POST",
        path=f"{_V1}/push/{{token}}",
        handler=push,
        summary="A heartbeat job is told that all went well, or not",
        query=PushQuery,
        answer=PushAnswer,
        auth="none",
    ),
    Route(
        method="POST",
        path=f"{_V1}/probes",
        handler=ask_probe,
        summary="Ask workers for a probe once; a line for each answer, as it comes",
        body=ProbeSpec,
        answer=ProbeLine,
        auth="operator",
        media=LINES,
    ),
    *PAST_ROUTES,
    *QUERY_ROUTES,
    *TIMELINE_ROUTES,
    *WORKER_ROUTES,
    *INCIDENT_ROUTES,
    *EXPLAIN_ROUTES,
    *PLANNED_ROUTES,
    *JUDGING_ROUTES,
    *BACKUP_ROUTES,
    *ALERT_ROUTES,
    *CHANNEL_ROUTES,
    Route(
        method="GET",
        path=f"{_V1}/secrets",
        handler=secrets,
        summary="The ids of the cluster's secrets, and how far a rotation is",
        answer=SecretsAnswer,
        auth="admin",
    ),
    Route(
        method="POST",
        path=f"{_V1}/secrets/start",
        handler=start_rotation,
        summary="Make the next cluster secret and bring it to the workers",
        answer=SecretsAnswer,
        auth="admin",
    ),
    Route(
        method="POST",
        path=f"{_V1}/secrets/use",
        handler=use_rotation,
        summary="Use the next cluster secret; the old one still opens",
        answer=SecretsAnswer,
        auth="admin",
    ),
    Route(
        method="POST",
        path=f"{_V1}/secrets/finish",
        handler=finish_rotation,
        summary="Drop the old cluster secret; 409 names who lacks the new one",
        body=FinishBody,
        answer=SecretsAnswer,
        auth="admin",
    ),
    Route(
        method="GET",
        path=f"{_V1}/mesh",
        handler=mesh_matrix,
        summary="How the workers see each other: each direction of each pair",
        query=Paging,
        answer=list[MeshAnswer],
    ),
    Route(
        method="GET",
        path=f"{_V1}/events",
        handler=events,
        summary="What happens, as it happens: verdicts, results, incidents, notes …",
        query=EventsQuery,
        streams=True,
    ),
    Route(
        method="GET",
        path="/api/docs",
        handler=docs,
        summary="The document below, for people",
        auth="none",
        page=True,
    ),
    MESH,
]

ROUTES: tuple[Route, ...] = (*API, *LOGIN, *ACK_PAGES, *PAGES)
