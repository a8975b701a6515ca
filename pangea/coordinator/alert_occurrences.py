"""What people are told once: certificates that expire, changes, lost results.

What a result says is written down with that result, so that it is told also by who
takes over from a coordinator that died in between.
"""

import hashlib
import logging
import math
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from pangea.core.model import Flag, Gap, Job, Result
from pangea.core.notice import Notice, Severity
from pangea.core.text import safe_text
from pangea.storage import alerts as stored
from pangea.storage import gaps as stored_gaps
from pangea.storage import settings

from .alert_book import AlertBook, once
from .decided import Decided

if TYPE_CHECKING:
    from .coordinator import Coordinator

log = logging.getLogger(__name__)

#: So many days before a certificate expires people are told, once each.
DAYS = (21, 14, 7, 1)
URGENT_DAYS = 7
#: The certificate of a job is looked at so often, the table of gaps as well.
CERTIFICATE_US, GAPS_S = 3_600_000_000, 10.0
#: The same change, seen by several workers, is one within so long.
SAME_US = 3_600_000_000
#: Results that wait to be looked at, and notices that are remembered.
MOST_WAITING, MOST_KNOWN = 10_000, 10_000
#: A commit takes so many results with it, while no more notices than that wait to be
#: told, and a look tells so many: whatever a worker sends, the rest goes on.
AT_ONCE, MOST_HEARD, AT_A_LOOK = 200, 2000, 500
#: Where it is kept which gap was the last that people were told of.
GAP_KEY = "alerts/last_gap"
EXPIRY, FINGERPRINT = "chain_earliest_expiry", "fingerprint_sha256"
_CHANGED, _DRILL = int(Flag.CHANGED), int(Flag.DRILL)


class Occurrences:
    """Hears all results; ``keep`` with each commit, ``look`` every second."""

    def __init__(self, coordinator: "Coordinator", book: AlertBook) -> None:
        self._c, self._board, self._book = coordinator, coordinator.board, book
        self._clock = coordinator.clock
        self._waiting: deque[Result] = deque()
        self._heard: deque[Notice] = deque()
        self._lost = 0
        self._certificate_at: dict[int, int] = {}
        self._told: dict[str, int] = {}
        self._last_gap, self._kept_gap, self._gaps_at = -1, -1, 0.0

    def hear(self, results: Sequence[Result]) -> None:
        """Note what is worth a look; this is called for every result."""
        seen = self._certificate_at
        for result in results:
            if result.flags & _CHANGED:
                self._wait(result)
            elif EXPIRY in result.readings:
                at_us = result.started_at_us
                if seen.get(result.job, 0) <= at_us:
                    seen[result.job] = at_us + CERTIFICATE_US
                    if self._days_left(result) <= DAYS[0]:
                        self._wait(result)

    def _wait(self, result: Result) -> None:
        if len(self._waiting) >= MOST_WAITING:
            self._waiting.popleft()
            self._lost += 1
        self._waiting.append(result)

    def look_again(self) -> None:
        """Look at all certificates with the next result of each: who is told changed.

        What anybody was told of is known to the book, and is not told again.
        """
        self._certificate_at.clear()
        told = self._told.items()
        self._told = {k: at for k, at in told if not k.startswith("certificate/")}

    def keep(self, decided: Decided) -> None:
        """Have what was heard written with the results that say it.

        Of very much the rest waits for the next call.
        """
        found: list[Notice] = []
        for _ in range(min(len(self._waiting), AT_ONCE)):
            if len(self._heard) + len(found) >= MOST_HEARD:
                break
            result = self._waiting.popleft()
            job = self._board.jobs.get(result.job)
            quiet = result.job in self._board.maintained or result.flags & _DRILL
            if job is not None and not quiet:
                found += filter(self._is_new, self._changes(job, result))
                found += filter(self._is_new, self._expiry(job, result))
        if found:
            self._heard += found
            alerts = [once(notice, self._book.now_us()) for notice in found]
            decided.writes.append(partial(stored.hear, alerts))

    async def look(self) -> None:
        """Tell what has happened since the last look; of very much the oldest."""
        some = list(islice(self._heard, AT_A_LOOK))
        await self._book.happened(*some)
        for _ in some:
            self._heard.popleft()
        if self._lost:
            log.error("%d results told too much at once: nobody hears", self._lost)
            self._lost = 0
        now = self._clock.monotonic()
        if now - self._gaps_at >= GAPS_S or not self._gaps_at:
            self._gaps_at = now
            await self._look_at_gaps()

    def _is_new(self, notice: Notice) -> bool:
        if notice.key in self._told:
            return False
        while len(self._told) >= MOST_KNOWN:
            del self._told[next(iter(self._told))]
        self._told[notice.key] = notice.at_us
        return True

    def _days_left(self, result: Result) -> float:
        """Return in how many days a certificate expires; infinite if it has."""
        left = (_moment(result.readings.get(EXPIRY)) - self._clock.wall()) / 86400.0
        return left if left > 0 else math.inf

    def _expiry(self, job: Job, result: Result) -> Iterator[Notice]:
        """Yield that a certificate expires soon: what is due of the days."""
        expiry, left = _moment(result.readings.get(EXPIRY)), self._days_left(result)
        due = [days for days in DAYS if left <= days]
        if not due:
            return
        days = min(due)
        said = f"expires in {_days(left)}"
        name = _text(result.readings, "subject")
        severity: Severity = "critical" if days <= URGENT_DAYS else "warning"
        # The same certificate of many jobs is told once.
        of = _text(result.readings, FINGERPRINT) or str(job.id)
        facts = {"why": f"the certificate {said}", "job": job.name}
        facts |= {"until": _day(expiry)}
        facts |= {"target": safe_text(f"{job.type} {job.target}", 300)}
        facts |= {"subject": name} if name else {}
        issuer = _text(result.readings, "issuer")
        facts |= {"issuer": issuer} if issuer else {}
        yield self._notice(
            f"certificate/{job.org}/{of}/{round(expiry)}/{days}",
            "certificate",
            severity,
            job,
            result,
            reason=said,
            facts=facts,
        )

    def _changes(self, job: Job, result: Result) -> Iterator[Notice]:
        """Yield what is not as it was: each once, whoever sees it."""
        told = result.readings.get("changed")
        for name, how in list(told.items())[:5] if isinstance(told, dict) else ():
            if not isinstance(how, dict):
                continue
            before, after = (_text(how, key) for key in ("before", "after"))
            digest = hashlib.blake2b(after.encode(), digest_size=6).hexdigest()
            hour = result.started_at_us // SAME_US
            subject = f"changed/{job.id}/{safe_text(name, 40)}/{digest}"
            if f"{subject}/{hour - 1}" in self._told:
                continue
            changed = f"before: {before}\nnow:    {after}"
            yield self._notice(
                f"{subject}/{hour}",
                "changed",
                "info",
                job,
                result,
                reason=f"{safe_text(name, 40)} is not what it was",
                facts={"job": job.name, "changed": changed},
            )

    def _notice(
        self,
        key: str,
        kind: Any,
        severity: Severity,
        job: Job,
        result: Result,
        *,
        reason: str,
        facts: dict[str, str],
    ) -> Notice:
        worker = self._board.voter(result.worker)
        seen = {"votes": f"{worker}"} if worker else {}
        return Notice(
            key=key,
            kind=kind,
            severity=severity,
            org=job.org,
            at_us=self._book.now_us(),
            since_us=result.started_at_us,
            title=job.name,
            reason=reason,
            job=job.id,
            labels=job.labels,
            facts=facts | seen,
        )

    async def _look_at_gaps(self) -> None:
        """Tell of results that workers have lost since the last look."""
        if self._last_gap < 0:
            self._last_gap = self._kept_gap = await self._c.store.write(_last_gap)
        last = self._last_gap
        for number, worker, gap in await self._c.store.read(
            lambda: stored_gaps.after(last)
        ):
            self._last_gap = number
            await self._tell_gap(number, worker, gap)
        # What was told by the look before is written by now.
        if last != self._kept_gap:
            await self._c.store.write(lambda: settings.put(GAP_KEY, str(last)))
            self._kept_gap = last

    async def _tell_gap(self, number: int, worker: int, gap: Gap) -> None:
        known = self._board.workers.get(worker)
        if known is None:
            return
        count = gap.last - gap.first + 1
        jobs = self._board.jobs
        names = [jobs[j].name for j, n in gap.counts.items() if n and j in jobs]
        said = f"{count:,} results are lost: {safe_text(gap.reason, 200)}"
        facts = {"why": said}
        if names:
            more = f" and {len(names) - 10} more" if len(names) > 10 else ""
            facts["jobs"] = f"{', '.join(names[:10])}{more}"
        now_us = self._book.now_us()
        await self._book.happened(
            Notice(
                key=f"gap/{worker}/{number}",
                kind="gap",
                severity="warning",
                org=known.org,
                at_us=now_us,
                since_us=min(gap.from_us or now_us, now_us),
                title=f"worker {known.name}",
                reason=said,
                worker=known.name,
                facts=facts,
            )
        )


def _last_gap() -> int:
    """Return the last gap that people were told of: at first the last that there is."""
    kept = settings.get(GAP_KEY)
    if kept is None:
        kept = str(stored_gaps.newest())
        settings.put(GAP_KEY, kept)
    return int(kept)


def _moment(said: object) -> float:
    """Return a moment that a worker told, in UTC seconds; 0 if it is none."""
    if not isinstance(said, str):
        return 0.0
    try:
        return datetime.fromisoformat(said).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def _days(left: float) -> str:
    if left < 2:
        return f"{left * 24:.0f} hours"
    return f"{left:.0f} days"


def _day(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M} UTC"


def _text(table: dict[str, Any], name: str) -> str:
    value = table.get(name)
    return safe_text(value, 200) if isinstance(value, str) else ""
