"""The route table: everything that may be asked of the site, on one screen."""

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
    job,
    jobs,
    readyz,
    remove_job,
    results,
    run_job,
    start_job,
    status,
    stop_job,
)
from .api_workers import worker, workers
from .docs import docs, document
from .login import LOGIN
from .mesh import MESH
from .pages import PAGES
from .route import Route
from .schema import (
    AddedJob,
    HistoryAnswer,
    JobAnswer,
    JobPatch,
    JobSpec,
    ResultAnswer,
    RunAnswer,
    StatusAnswer,
    WorkerAnswer,
    WorkerChoice,
)
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
        summary="The coordinator in one answer",
        answer=StatusAnswer,
    ),
    Route(
        method="GET",
        path=f"{_V1}/jobs",
        handler=jobs,
        summary="All jobs by name, with verdict and votes",
        query=Paging,
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
        summary="One job with verdict and votes",
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
        path=f"{_V1}/workers",
        handler=workers,
        summary="All workers by name",
        query=Paging,
        answer=list[WorkerAnswer],
    ),
    Route(
        method="GET",
        path=f"{_V1}/workers/{{name}}",
        handler=worker,
        summary="One worker and how it is",
        answer=WorkerAnswer,
    ),
    Route(
        method="GET",
        path=f"{_V1}/events",
        handler=events,
        summary="Server-sent events: verdict, result, worker, job; resync: load again",
        query=EventsQuery,
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

ROUTES: tuple[Route, ...] = (*API, *LOGIN, *PAGES)
