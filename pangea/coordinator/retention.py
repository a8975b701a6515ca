"""How long things are kept, and forgetting them in steps that block nobody."""

import asyncio
from collections.abc import Callable
from functools import partial

from pangea.core.rollup import HOUR, MINUTE, TEN_MINUTES
from pangea.storage import ingest, results, rollup_rows
from pangea.storage.database import Store

DAY_S = 86400
RAW_S = 7 * DAY_S
#: Days and the vote-change log are kept for ever.
ROLLUP_S = {MINUTE: 30 * DAY_S, TEN_MINUTES: 90 * DAY_S, HOUR: 2 * 365 * DAY_S}
#: Far longer than any spool keeps a row: a forgotten epoch would be new again.
WATERMARK_S = 60 * DAY_S
PAUSE_S = 0.05


async def expire(store: Store, now: float) -> None:
    """Forget what is past its time at *now* (UTC seconds)."""
    steps: list[Callable[[], int]] = [
        lambda: results.expire(round((now - RAW_S) * 1e6)),
        lambda: ingest.expire_watermarks(round((now - WATERMARK_S) * 1e6)),
    ]
    steps += [
        partial(rollup_rows.expire, step, int(now - kept_s))
        for step, kept_s in ROLLUP_S.items()
    ]
    for forget in steps:
        forgotten = 1
        while forgotten:
            forgotten = await store.write(forget)
            await asyncio.sleep(PAUSE_S)
