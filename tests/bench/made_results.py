"""Results as real probes make them: pings of one packet or five, pages over TLS."""

import random
from collections.abc import Iterator

from pangea.core.model import Outcome, Result
from pangea.probes.icmp import jitter, quantile

SHARE_FAILED = 0.005
INTERVAL_US = 60_000_000


class Series:
    """One job on one worker.

    It sends a ping of one packet if *plain*; else half of them ping with five, and
    half fetch a page.
    """

    def __init__(
        self, job: int, worker: int, chance: random.Random, *, plain: bool = False
    ) -> None:
        self.job, self.worker, self._chance = job, worker, chance
        self._plain = plain
        self._offset_us = chance.randrange(INTERVAL_US)
        self._near_ms = chance.lognormvariate(2.5, 1.0)
        self._page_bytes = chance.randrange(200, 60_000)
        self._address = f"192.0.2.{chance.randrange(256)}"

    def result(self, begin_us: int) -> Result:
        """Return what it measures in the interval that begins then."""
        chance = self._chance
        at_us = begin_us + self._offset_us + round(chance.expovariate(1 / 1500))
        if chance.random() < SHARE_FAILED:
            return self._made(at_us, 5000.0, {}, {}, failed=True)
        if self._plain:
            took = self._near_ms + chance.expovariate(5)
            return self._made(at_us, took, {"rtt": took}, {})
        if self.job % 2:
            return self._ping(at_us)
        return self._page(at_us)

    def _ping(self, at_us: int) -> Result:
        rtts = [self._near_ms + self._chance.expovariate(5) for _ in range(5)]
        mean, ordered = sum(rtts) / 5, sorted(rtts)
        readings = {
            "address": self._address,
            "sent": 5,
            "received": 5,
            "loss_pct": 0.0,
            "rtt_min_ms": ordered[0],
            "rtt_avg_ms": mean,
            "rtt_max_ms": ordered[-1],
            "rtt_p50_ms": ordered[2],
            "rtt_p95_ms": quantile(ordered, 0.95),
            "jitter_ms": jitter(rtts),
            "rtts_ms": rtts,
            "duplicates": 0,
            "reordered": 0,
            "corrupted": 0,
            "reply_ttl": 57,
        }
        return self._made(at_us, mean, {"rtt": mean}, readings)

    def _page(self, at_us: int) -> Result:
        near, noise = self._near_ms, self._chance.expovariate
        phases = {
            "resolve": 0.3 + noise(5),
            "connect": near + noise(5),
            "wait": 0.1 + noise(10),
            "tls": 2 * near + noise(3),
            "first_byte": near + 4 + noise(0.5),
            "transfer": 0.2 + noise(5),
        }
        name = f"host-{self.job}.example.com"
        ends_us = (self.job + 90) * 86_400_000_000
        readings = {
            "address": self._address,
            "tls_version": "TLSv1.3",
            "cipher": "TLS_AES_256_GCM_SHA384",
            "subject": f"CN={name}",
            "issuer": "C=US,O=Let's Encrypt,CN=R11",
            "not_after": f"2026-{1 + self.job % 12:02}-15T11:22:33Z",
            "days_left": round((ends_us - at_us % 86_400_000_000) / 86_400_000_000, 2),
            "not_before": f"2025-{1 + self.job % 12:02}-01T11:22:34Z",
            "san": [name, f"www.{name}"],
            "san_count": 2,
            "key": "RSA",
            "bits": 2048,
            "signature": "sha256WithRSAEncryption",
            "fingerprint_sha256": f"{hash(name) & (1 << 63) - 1:064x}",
            "chain_length": 2,
            "status": 200,
            "http_version": "1.1",
            "bytes": self._page_bytes,
            "final_url": f"https://{name}/",
            "redirects": 0,
        }
        return self._made(at_us, sum(phases.values()), phases, readings)

    def _made(
        self,
        at_us: int,
        ms: float,
        phases: dict[str, float],
        readings: dict[str, object],
        *,
        failed: bool = False,
    ) -> Result:
        return Result(
            job=self.job,
            worker=self.worker,
            started_at_us=at_us,
            duration_ms=ms,
            outcome=Outcome.FAILED if failed else Outcome.OK,
            reason="timeout" if failed else "",
            detail="no answer within 5 s" if failed else "",
            phases=phases,
            readings=readings,
        )


def all_series(count: int, workers: int, *, plain: bool = False) -> list[Series]:
    """Return so many series, *workers* to a job."""
    chance = random.Random(7)
    return [
        Series(1 + n // workers, 1 + n % workers, chance, plain=plain)
        for n in range(count)
    ]


def shuffled(series: list[Series], begin_us: int, rows: int) -> Iterator[list[Result]]:
    """Yield what all measure in an interval, in any order, so many at a time."""
    order = random.sample(series, len(series))
    for at in range(0, len(order), rows):
        yield [one.result(begin_us) for one in order[at : at + rows]]
