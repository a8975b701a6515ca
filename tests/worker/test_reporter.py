"""News is in the spool at once, the rest in groups."""

import asyncio

import pytest

from pangea.core.model import Flag, Outcome, Result
from pangea.storage.spool import Spool
from pangea.worker.reporter import NEWS_S, Reporter


@pytest.fixture
async def reporter(tmp_path):
    spool = await Spool.open(tmp_path / "spool.db")
    yield Reporter(spool)
    await spool.close()


def result(job, outcome=Outcome.OK, flags=0):
    return Result(
        job=job, started_at_us=1, duration_ms=1.0, outcome=outcome, flags=int(flags)
    )


async def is_quick(reporter, *results):
    """Tell whether *results* are written long before a routine group is."""
    reporter.written.clear()
    for one in results:
        reporter.put(one)
    try:
        async with asyncio.timeout(NEWS_S + 0.15):
            await reporter.written.wait()
    except TimeoutError:
        return False
    return True


async def test_a_result_as_the_one_before_waits_for_company(reporter):
    assert not await is_quick(reporter, result(1), result(1))


async def test_what_a_verdict_may_turn_on_does_not_wait(reporter):
    assert await is_quick(reporter, result(1), result(2, Outcome.FAILED))
    assert not await is_quick(reporter, result(2, Outcome.FAILED))
    await reporter.flush()
    assert await is_quick(reporter, result(2))
    assert await is_quick(reporter, result(2, flags=Flag.WARN))
    assert await is_quick(reporter, result(2, Outcome.ERROR))


@pytest.mark.parametrize("flag", [Flag.REPEAT, Flag.CHANGED])
async def test_what_was_asked_for_and_what_changed_does_not_wait(reporter, flag):
    assert await is_quick(reporter, result(1, flags=flag))


async def test_news_takes_along_what_waits(reporter):
    reporter.put(result(1))
    assert await is_quick(reporter, result(2, Outcome.FAILED))
    assert (await reporter._spool.counts()).rows == 2


async def test_what_waits_is_written_when_told(reporter):
    reporter.put(result(1))
    async with asyncio.timeout(0.3):
        await reporter.flush()
    assert (await reporter._spool.counts()).rows == 1
