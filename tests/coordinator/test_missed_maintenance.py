"""Maintenance that fell into a time without a coordinator, as far as that is known."""

from pangea.coordinator.maintenance import LONGEST_AWAY_S
from pangea.core.maintenance import Maintenance
from pangea.storage import spans
from pangea.storage.connection import connection
from tests.coordinator.by_hand import ByHand, job


async def planned(tmp_path, seen):
    """Return the stays of a daily maintenance after a year with nobody there."""
    hand = await ByHand(tmp_path).open([job(1)], workers=1)
    now_us = round(hand.clock.now * 1e6)
    daily = Maintenance(jobs=(1,), cron="0 3 * * *", length_s=600.0, from_us=now_us)
    await hand.c.planned.upkeep.add(daily)
    seen_us = round(seen(hand.clock.now) * 1e6)
    await hand.store.write(
        lambda: connection().execute("UPDATE worker SET last_seen_us = ?", (seen_us,))
    )
    await hand.again(after=365 * 86400.0)
    whole = 0, round(hand.clock.now * 1e6)
    stays = await hand.store.read(lambda: spans.between(1, *whole))
    await hand.close()
    return stays


async def test_no_more_than_a_month_is_made_up_for(tmp_path):
    stays = await planned(tmp_path, lambda now: now)
    assert 29 <= len(stays) <= LONGEST_AWAY_S / 86400


async def test_where_nobody_was_ever_seen_nothing_was_missed(tmp_path):
    assert await planned(tmp_path, lambda now: 0) == []
