"""The parts of a node, each used once in a temporary directory."""

import asyncio
import os
import secrets
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module, metadata
from pathlib import Path

from pangea.core.model import Job, Outcome, Result
from pangea.mesh import identity
from pangea.mesh.handshake import Initiator, Responder
from pangea.mesh.info import NodeInfo, write_info
from pangea.mesh.replay import ReplayCache
from pangea.storage import integrity, jobs, results, snapshot
from pangea.storage.database import Store
from pangea.storage.spool import Row, Spool
from pangea.system_clock import SystemClock

from .row import Check, Skipped

#: Somebody else's multicast may be slow, but not that slow.
HEARD_S = 10.0


def parts(place: Path, *, multicast: bool) -> list[Check]:
    """Return a check for each part; *multicast* tells whether we may use it."""
    return [
        Check("handshake", partial(_handshake, place)),
        Check("zeroconf", partial(_zeroconf, multicast=multicast)),
        Check("spool", partial(_spool, place)),
        Check("store", partial(_store, place)),
        Check("postgresql driver", _driver),
    ]


async def _handshake(place: Path) -> str:
    """Two nodes prove themselves to each other, and a stranger does not."""
    near, far = (
        identity.load_or_create(place / f"{name}.key") for name in ("near", "far")
    )
    shared, info = secrets.token_bytes(32), partial(NodeInfo, boot="0" * 32)
    dials = Initiator(near, shared, _words(info, "worker"), _anybody)
    told = _words(info, "coordinator")
    answers = Responder(far, [shared], told, _anybody, ReplayCache())
    third, _ = dials.finish(answers.answer(dials.start(), 0.0))
    answers.finish(third)
    return f"{far.id} proved"


def _words(info: Callable[..., NodeInfo], role: str) -> bytes:
    return write_info(info(role=role, name="selftest"))


def _anybody(*_: object) -> None:
    """Take whoever proves the secret."""


async def _zeroconf(*, multicast: bool) -> str:
    if not multicast:
        raise Skipped("discovery is static; without --discovery static it is tried")
    from pangea.mesh.discovery import Advertiser, Browser

    shared, clock = secrets.token_bytes(32), SystemClock()

    def known() -> list[bytes]:
        return [shared]  # that nobody else has

    async with Advertiser(7464, known, clock), Browser(known, clock) as browser:
        async with asyncio.timeout(HEARD_S):
            async for host, port in browser.candidates():
                return f"heard ourselves at {host}:{port}"
    raise AssertionError("nothing was heard")


async def _spool(place: Path) -> str:
    """What is stored is there again after the file was closed."""
    path = place / "spool.db"
    spool = await Spool.open(path)
    await spool.add([Row(1, time.time_ns(), os.urandom(64)) for _ in range(100)])
    await spool.close()
    spool = await Spool.open(path)
    try:
        waiting = await spool.waiting()
    finally:
        await spool.close()
    if waiting != 100:
        raise AssertionError(f"of 100 rows {waiting} came back")
    return "100 rows kept over a restart"


async def _store(place: Path) -> str:
    """All migrations, a job, a result, and the database's own check."""
    store = await Store.open(place / "pangea.db")
    try:
        now_us = time.time_ns() // 1000
        job = await store.write(partial(jobs.add, _job(now_us)))
        row = Result(
            job=job.id,
            worker=1,
            started_at_us=now_us,
            duration_ms=1.5,
            outcome=Outcome.OK,
        )
        await store.write(partial(results.append, [row], now_us))
        page = await store.read(partial(results.query, job.id))
        wrong = await store.read(integrity.check)
    finally:
        await store.close()
    if len(page.items) != 1 or wrong:
        raise AssertionError("; ".join(wrong) or "the result did not come back")
    return f"schema {snapshot.newest()}, all migrations"


def _job(now_us: int) -> Job:
    return Job(
        id=0,
        name="selftest",
        type="http",
        target="http://127.0.0.1/",
        interval_s=30.0,
        timeout_s=10.0,
        created_at_us=now_us,
    )


async def _driver() -> str:
    try:
        import_module("pangea.storage.postgres")
    except ImportError as error:
        raise Skipped("not installed: pip install pangea[postgres]") from error
    return f"psycopg {metadata.version('psycopg')}"
