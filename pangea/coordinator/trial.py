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
from datetime import UTC, datetime
from functools import partial
from itertools import islice

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from pangea.core.backtest import Backtest, backtest, backtest_results
from pangea.core.model import Job, Result, Worker
from pangea.core.replay import Recorded
from pangea.core.rule import Rule
from pangea.core.uptime import Span
from pangea.core.verdict import Transition, vote_lasts_s
from pangea.storage import corrections
from pangea.storage.database import Store
from pangea.storage.recorded import recorded

#: So many jobs are read, and go to a process, at a time.
CHUNK = 25
#: Processes that judge; the rest of the machine is for what happens now.
PROCESSES = max(1, min(4, (os.cpu_count() or 1)))
LONGEST_S = 120.0
#: What is said of a rule with thresholds where results are missing.
CLIPPED = "thresholds need the results, which are kept since {}: tried from then on"
TOO_MANY = "too many results to try thresholds: name a shorter range; votes alone count"


class Case(Struct, frozen=True, array_like=True):
    """A job on trial: what is recorded of it, what was said, and the rule.

    A rule with thresholds has the results as ``rows``, as far as they are kept.
    """

    told: Recorded
    said: list[Transition]
    rule: Rule
    lasts_s: float = 0.0
    rows: list[Result] | None = None
    notes: tuple[str, ...] = ()


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
    return _pack([_tried(case, given.workers) for case in given.cases])


def _tried(case: Case, workers: dict[int, Worker]) -> Backtest:
    told, said, rule = case.told, case.said, case.rule
    if case.rows is None:
        found = backtest(told, said, rule, workers)
    else:
        found = backtest_results(told, said, case.rows, rule, case.lasts_s, workers)
    return replace(found, notes=case.notes)


def _read(
    some: Iterable[tuple[Job, Rule]], whole: Span, workers: dict[int, Worker]
) -> bytes:
    return _pack(Cases([_case(job, rule, whole) for job, rule in some], workers))


def _case(job: Job, rule: Rule, whole: Span) -> Case:
    """Return a job with what its rule must know; thresholds need the results."""
    if not rule.warns:
        return Case(*recorded(job, whole), rule)
    begin = min(corrections.kept_since(whole.begin_us), whole.end_us)
    kept = Span(begin, whole.end_us)
    rows = corrections.results_between(job.id, kept)
    if rows is None:
        return Case(*recorded(job, whole), rule, notes=(TOO_MANY,))
    since = datetime.fromtimestamp(begin / 1e6, UTC).strftime("%Y-%m-%d %H:%M UTC")
    notes = (CLIPPED.format(since),) if begin > whole.begin_us else ()
    return Case(*recorded(job, kept), rule, vote_lasts_s(job), rows, notes)


def _chunks(
    wanted: Sequence[tuple[Job, Rule]],
) -> Iterable[list[tuple[Job, Rule]]]:
    left = iter(wanted)
    while some := list(islice(left, CHUNK)):
        yield some
