"""The routes of the workers."""

from .api import Paging
from .api_dials import DialAnswer, DialBody, dial_worker, dials, forget_dial
from .api_gaps import GapAnswer, gaps
from .api_worker_tokens import add_token, tokens, withdraw_token
from .api_workers import (
    approve_worker,
    drain_worker,
    remove_worker,
    rename_worker,
    revoke_worker,
    worker,
    workers,
)
from .route import Route
from .schema import (
    DrainBody,
    RenameBody,
    RevokeBody,
    WorkerAnswer,
)
from .schema_tokens import TokenAnswer, TokenSpec, TokenState

_ALL = "/api/v1/workers"
_ONE = "/api/v1/workers/{name}"

WORKER_ROUTES: list[Route] = [
    Route(
        method="GET",
        path=_ALL,
        handler=workers,
        summary="All workers by name, with those that wait or were revoked",
        query=Paging,
        answer=list[WorkerAnswer],
    ),
    Route(
        method="POST",
        path=f"{_ALL}/dial",
        handler=dial_worker,
        summary="Dial a worker that may not dial us, now and whenever it is away",
        body=DialBody,
        answer=DialAnswer,
        auth="admin",
        status=201,
    ),
    Route(
        method="GET",
        path="/api/v1/worker-dials",
        handler=dials,
        summary="The addresses that are dialled, and who is there",
        query=Paging,
        answer=list[DialAnswer],
    ),
    Route(
        method="DELETE",
        path="/api/v1/worker-dials/{address}",
        handler=forget_dial,
        summary="Dial an address no more",
        auth="admin",
        status=204,
    ),
    Route(
        method="GET",
        path=_ONE,
        handler=worker,
        summary="One worker and how it is, by its name or id",
        answer=WorkerAnswer,
    ),
    Route(
        method="GET",
        path=f"{_ONE}/gaps",
        handler=gaps,
        summary="What a worker made and lost, newest first, with the reason",
        query=Paging,
        answer=list[GapAnswer],
    ),
    Route(
        method="POST",
        path=f"{_ONE}/approve",
        handler=approve_worker,
        summary="Let a worker in, and let it have the credentials of its jobs",
        answer=WorkerAnswer,
        auth="admin",
    ),
    Route(
        method="POST",
        path=f"{_ONE}/revoke",
        handler=revoke_worker,
        summary="Shut a worker out at once, and its key for ever",
        body=RevokeBody,
        answer=WorkerAnswer,
        auth="admin",
    ),
    Route(
        method="POST",
        path=f"{_ONE}/drain",
        handler=drain_worker,
        summary="Give a worker no new jobs, or again",
        body=DrainBody,
        answer=WorkerAnswer,
        auth="admin",
    ),
    Route(
        method="POST",
        path=f"{_ONE}/rename",
        handler=rename_worker,
        summary="Call a worker by another name; jobs that name it follow",
        body=RenameBody,
        answer=WorkerAnswer,
        auth="admin",
    ),
    Route(
        method="DELETE",
        path=_ONE,
        handler=remove_worker,
        summary="Take a worker that is gone from the list; its results stay",
        auth="admin",
        status=204,
    ),
    Route(
        method="GET",
        path="/api/v1/worker-tokens",
        handler=tokens,
        summary="What became of the tokens by which workers join",
        query=Paging,
        answer=list[TokenState],
        auth="admin",
    ),
    Route(
        method="DELETE",
        path="/api/v1/worker-tokens/{id}",
        handler=withdraw_token,
        summary="Withdraw a join token that nobody has used",
        auth="admin",
        status=204,
    ),
    Route(
        method="POST",
        path="/api/v1/worker-tokens",
        handler=add_token,
        summary="Make a token by which one worker may join, once",
        body=TokenSpec,
        answer=TokenAnswer,
        auth="admin",
        status=201,
    ),
]
