"""News is in the spool at once, the rest in groups."""

import asyncio

import pytest
from msgspec.structs import replace

from pangea.core.errors import StorageError
from pangea.core.model import Flag, Outcome, Result
from pangea.mesh.messages import decode_row
from pangea.storage.spool import Spool
from pangea.system_clock import SystemClock
from pangea.worker.disk import Disk
from pangea.worker.news import NEWS_S
from pangea.worker.reporter import MOST_WAITING, Reporter


@pytest.fixture
async def reporter(tmp_path, monkeypatch):
    monkeypatch.setattr("pangea.worker.reporter.ROUTINE_S", 60.0)
    spool = await Spool.open(tmp_path / "spool.db")
    yield Reporter(spool, Disk(), SystemClock())
    await spool.close()


def result(job, outcome=Outcome.OK, flags=0):
    return Result(
        job=job, started_at_us=1, duration_ms=1.0, outcome=outcome, flags=int(flags)
    )


async def goes_at_once(reporter, *results):
    """Return once *results* are written, though a routine group takes a minute."""
    reporter.written.clear()
    for one in results:
        reporter.put(one)
    async with asyncio.timeout(20):
        return await reporter.written.wait()


async def waits(reporter, *results):
    """Tell whether *results* are not written when news would be."""
    reporter.written.clear()
    for one in results:
        reporter.put(one)
    await asyncio.sleep(NEWS_S + 0.15)
    return not reporter.written.is_set()


async def test_a_result_as_the_one_before_waits_for_company(reporter):
    assert await waits(reporter, result(1), result(1))


async def test_what_a_verdict_may_turn_on_does_not_wait(reporter):
    assert await goes_at_once(reporter, result(1), result(2, Outcome.FAILED))
    assert await waits(reporter, result(2, Outcome.FAILED))
    await reporter.flush()
    assert await goes_at_once(reporter, result(2))
    assert await goes_at_once(reporter, result(2, flags=Flag.WARN))
    assert await goes_at_once(reporter, result(2, Outcome.ERROR))


@pytest.mark.parametrize("flag", [Flag.REPEAT, Flag.CHANGED])
async def test_what_was_asked_for_and_what_changed_does_not_wait(reporter, flag):
    assert await goes_at_once(reporter, result(1, flags=flag))


async def test_news_takes_along_what_waits(reporter):
    reporter.put(result(1))
    assert await goes_at_once(reporter, result(2, Outcome.FAILED))
    assert (await reporter._spool.counts()).rows == 2


async def test_what_waits_is_written_when_told(reporter):
    reporter.put(result(1))
    async with asyncio.timeout(20):
        await reporter.flush()
    assert (await reporter._spool.counts()).rows == 1


class FullDisk:
    """A spool's ``add`` that refuses while ``full``."""

    def __init__(self, spool):
        self.spool = spool
        self.full = True
        self.tries = 0

    def keep(self, *fields):
        return self.spool.keep(*fields)

    @property
    def keeps(self):
        return not self.full

    async def add(self, rows, lost=None):
        self.tries += 1
        if self.full:
            raise StorageError("the spool refused: database or disk is full")
        return await self.spool.add(rows, lost)


@pytest.fixture
async def disk(tmp_path):
    spool = await Spool.open(tmp_path / "full.db")
    yield FullDisk(spool)
    await spool.close()


@pytest.mark.slow
async def test_what_a_full_disk_refused_is_there_once_it_has_room(disk, caplog):
    reporter = Reporter(disk, Disk(), SystemClock())
    for number in range(5):
        reporter.put(result(number, Outcome.FAILED))
    await asyncio.sleep(1.3)
    reporter.put(result(5))
    disk.full = False
    async with asyncio.timeout(20):
        await reporter.written.wait()

    assert disk.tries >= 3
    (run,) = await disk.spool.pending({}, 100)
    assert [decode_row(row).job for row in run.rows] == [0, 1, 2, 3, 4, 5]
    assert [r.levelname for r in caplog.records] == ["ERROR", "WARNING"]
    assert "disk is full" in caplog.messages[0]


async def test_what_does_not_fit_into_memory_meanwhile_is_a_gap(disk):
    reporter = Reporter(disk, Disk(), SystemClock())
    for number in range(MOST_WAITING + 300):
        reporter.put(result(number % 3))
        if number % 4000 == 3999:
            await reporter.flush()
    disk.full = False
    await reporter.flush()

    (run,) = await disk.spool.pending({}, MOST_WAITING * 2)
    assert (run.first, len(run.rows)) == (301, MOST_WAITING)
    (gap,) = run.gaps
    assert (gap.first, gap.last, gap.counts) == (1, 300, {0: 100, 1: 100, 2: 100})
    assert gap.reason == "not spooled: the spool refused: database or disk is full"
    await reporter.close()


async def test_closing_gives_up_what_cannot_be_written(disk, caplog):
    reporter = Reporter(disk, Disk(), SystemClock())
    reporter.put(result(1))
    async with asyncio.timeout(20):
        await reporter.close()

    assert "1 results are lost" in caplog.text


@pytest.mark.parametrize(
    "readings",
    [{"body": "x" * 2_000_000}, {"serial": 1 << 80}, {"odd": object()}],
    ids=["too long", "too large a number", "no value at all"],
)
async def test_readings_that_cannot_be_sent_cost_no_result(reporter, readings, caplog):
    reporter.put(replace(result(1, Outcome.FAILED), readings=readings))
    await reporter.flush()
    (run,) = await reporter._spool.pending({}, 10)
    said = decode_row(run.rows[0])

    assert (said.job, said.outcome, said.readings) == (1, Outcome.FAILED, {})
    assert "its readings" in said.detail
    assert "job 1: its readings" in caplog.text
