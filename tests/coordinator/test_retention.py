"""Results are forgotten when they are old, and not when a clock says nonsense."""

import pytest

from pangea.coordinator.retention import Retention
from pangea.storage import results
from pangea.storage.folded import SHARDS, put_folded
from tests.coordinator.test_clock_set import Settable
from tests.engines import BOTH
from tests.storage.made import T0, result

pytestmark = pytest.mark.engines(*BOTH)

DAY = 86400.0


class Slept(Settable):
    """The monotonic clock stands still while the machine sleeps."""

    def monotonic(self):
        return 0.0


@pytest.fixture
def clock():
    return Settable(T0 / 1e6)


@pytest.fixture
async def filled(store):
    """A store with three results that arrived at T0."""
    rows = [result(i) for i in range(3)]
    await store.write(lambda: results.append(rows, T0))
    await store.write(lambda: put_folded([3] * SHARDS))
    return store


async def begin(store, clock):
    made = Retention(store, clock)
    await made.load()
    return made


async def left(store):
    return len(await store.read(lambda: results.query(1).items))


@pytest.mark.parametrize("kind", [Settable, Slept], ids=["awake", "asleep"])
async def test_what_is_older_than_a_week_is_forgotten(filled, kind):
    clock = kind(T0 / 1e6)
    retention = await begin(filled, clock)
    clock.now += 6 * DAY
    await retention.run()
    assert await left(filled) == 3

    clock.now += 2 * DAY
    await retention.run()
    assert await left(filled) == 0


async def test_a_clock_that_is_days_ahead_for_minutes_costs_nothing(
    filled, clock, caplog
):
    retention = await begin(filled, clock)
    clock.set_by = 10 * DAY
    await retention.run()
    clock.now += 600
    await retention.run()
    clock.set_by = 0.0
    await retention.run()
    assert await left(filled) == 3
    assert "nothing is forgotten for a day: the clock was set forward by 10d" in (
        caplog.text
    )

    clock.now += 8 * DAY
    await retention.run()
    assert await left(filled) == 0


async def test_a_clock_that_is_days_ahead_at_the_start_is_not_believed_for_a_day(
    filled, clock, caplog
):
    clock.now += 10 * DAY
    retention = await begin(filled, clock)
    await retention.run()
    assert await left(filled) == 3
    assert "a day: the last result is 10d" in caplog.text

    clock.now += DAY
    await retention.run()
    assert await left(filled) == 0


async def test_an_empty_store_begins_without_a_word(store, clock, caplog):
    retention = await begin(store, clock)
    await retention.run()
    assert caplog.text == ""
