"""A rule on trial: read in the reader pool, judged in processes of their own.

Judging a month of a thousand jobs again takes seconds of a core. Neither the event
loop nor the interpreter's lock of the coordinator may feel that.
"""

import asyncio
import gc
import multiprocessing
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import islice

import msgspec
from msgspec import Struct

from pangea.core.backtest import Backtest, backtest
from pangea.core.model import Job, Worker
from pangea.core.replay import Recorded
from pangea.core.rule import Rule
from pangea.core.uptime import Span
from pangea.core.verdict import Transition
from pangea.storage.database import Store
from pangea.storage.recorded import recorded

#: So many jobs are read, and go to a process, at a time.
CHUNK = 25
#: Processes that judge; the rest of the machine is for what happens now.
PROCESSES = max(1, min(4, (os.cpu_count() or 1)))
LONGEST_S = 120.0


class Case(Struct, frozen=True, array_like=True):
    """A job on trial: what is recorded of it, what was said, and the rule."""

    told: Recorded
    said: list[Transition]
    rule: Rule


class Cases(Struct, frozen=True, array_like=True):
    """Some jobs, and the workers whose regions a rule may speak of."""

    cases: list[Case]
    workers: dict[int, Worker]


_pack = msgspec.msgpack.Encoder().encode
_cases = msgspec.msgpack.Decoder(Cases)
_found = msgspec.msgpack.Decoder(list[Backtest])


async def try_rules(
    store: Store,
    wanted: Sequence[tuple[Job, Rule]],
    whole: Span,
    workers: dict[int, Worker],
) -> list[Backtest]:
    """Return what each job would have been under its rule, in the order given.

    Raises TimeoutError if that takes longer than two minutes.
    """
    spawn = multiprocessing.get_context("spawn")
    found: list[Backtest] = []
    running: list[asyncio.Future[bytes]] = []
    loop = asyncio.get_running_loop()
    # They live for seconds, and nothing that they make goes in circles.
    pool = ProcessPoolExecutor(PROCESSES, spawn, gc.disable)
    try:
        async with asyncio.timeout(LONGEST_S):
            for some in _chunks(wanted):
                packed = await store.read(partial(_read, some, whole, workers))
                running.append(loop.run_in_executor(pool, judge_again, packed))
                # No more waits in memory than is being worked on.
                if len(running) > 2 * PROCESSES:
                    found += _found.decode(await running.pop(0))
            for future in running:
                found += _found.decode(await future)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return found


def judge_again(packed: bytes) -> bytes:
    """Judge some jobs again; what goes in and comes out is MessagePack."""
    given = _cases.decode(packed)
    return _pack([backtest(c.told, c.said, c.rule, given.workers) for c in given.cases])


def _read(
    some: Iterable[tuple[Job, Rule]], whole: Span, workers: dict[int, Worker]
) -> bytes:
    cases = [Case(*recorded(job, whole), rule) for job, rule in some]
    return _pack(Cases(cases, workers))


def _chunks(
    wanted: Sequence[tuple[Job, Rule]],
) -> Iterable[list[tuple[Job, Rule]]]:
    left = iter(wanted)
    while some := list(islice(left, CHUNK)):
        yield some
