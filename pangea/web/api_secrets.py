"""The API of the cluster's secrets: ids and how far a rotation is, never a secret."""

from typing import Annotated, Literal, Protocol

from aiohttp import web
from msgspec import Meta, Struct

from pangea.core.errors import NotFound

from .api import reply
from .asked import body_of


class FinishBody(Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be done about workers that lack the new secret.

    ``force`` leaves them behind; ``within_s`` waits for them, at most so long.
    """

    force: bool = False
    within_s: Annotated[float, Meta(gt=0, le=366 * 86400)] | None = None


class SecretAnswer(Struct, frozen=True, kw_only=True):
    """One secret that is valid; ``id`` tells nothing of it."""

    id: str
    state: str
    created: str


class HolderAnswer(Struct, frozen=True, kw_only=True):
    """What is known of one approved worker: the id that it dials with."""

    worker: str
    connected: bool
    secret: str | None
    last_seen: str | None


class SecretsAnswer(Struct, frozen=True, kw_only=True):
    """The valid secrets, the current one first, and who lacks that one.

    ``stage`` is the last step made, ``deadline`` when the old one goes at the latest.
    """

    stage: Literal["none", "started", "used"]
    secrets: list[SecretAnswer]
    workers: list[HolderAnswer]
    stragglers: list[str]
    deadline: str | None


class SecretsService(Protocol):
    """The cluster's secrets as the web sees them; raises Conflict out of turn."""

    async def status(self) -> SecretsAnswer:
        """Return how far a rotation is."""
        ...

    async def start(self) -> SecretsAnswer:
        """Make the next secret."""
        ...

    async def use(self) -> SecretsAnswer:
        """Make the next secret the current one."""
        ...

    async def finish(self, body: FinishBody) -> SecretsAnswer:
        """Drop the old secret."""
        ...


SECRETS: web.AppKey[SecretsService] = web.AppKey("secrets", SecretsService)


async def secrets(request: web.Request) -> web.Response:
    """GET /api/v1/secrets"""
    return reply(await _service(request).status())


async def start_rotation(request: web.Request) -> web.Response:
    """POST /api/v1/secrets/start"""
    return reply(await _service(request).start())


async def use_rotation(request: web.Request) -> web.Response:
    """POST /api/v1/secrets/use"""
    return reply(await _service(request).use())


async def finish_rotation(request: web.Request) -> web.Response:
    """POST /api/v1/secrets/finish"""
    return reply(await _service(request).finish(body_of(request, FinishBody)))


def _service(request: web.Request) -> SecretsService:
    service = request.app.get(SECRETS)
    if service is None:
        raise NotFound("this coordinator does not keep the cluster's secrets")
    return service
