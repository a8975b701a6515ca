"""The figures that are promised: which bench shows each, and what it must hold."""

from collections.abc import Mapping
from typing import NamedTuple


class Floor(NamedTuple):
    """What ``figure``, a peer's in the same run, was when a limit was set."""

    figure: str
    then: float


class Must(NamedTuple):
    """``figure`` of ``bench`` must be at most (or ``at_least``) ``limit``.

    With a ``floor`` the limit grows as that has grown: the machine is slower now.
    """

    row: str
    says: str
    bench: str
    figure: str
    limit: float
    stretch: float | None = None
    at_least: bool = False
    floor: Floor | None = None

    def on(self, figures: Mapping[str, float]) -> "Must":
        """Return this promise for the machine that *figures* were measured on."""
        now = figures.get(self.floor.figure) if self.floor else None
        if self.floor is None or not isinstance(now, int | float):
            return self
        return self._replace(limit=self.limit * max(1.0, now / self.floor.then))

    def holds(self, value: float) -> bool:
        """Tell whether *value* keeps the promise; NaN does not."""
        return value >= self.limit if self.at_least else value <= self.limit

    def is_stretch(self, value: float) -> bool:
        """Tell whether *value* is even what we would like it to be."""
        if self.stretch is None:
            return False
        return value >= self.stretch if self.at_least else value <= self.stretch


#: Rows of the table of figures to hold, with what they say.
ICMP = "ICMP", "engine ≤ 1.6 × fping's CPU per ping"
PINGS = (
    "ICMP",
    "whole worker at 10,000 pings/s (2,000 results/s) ≤ 35 % of a core, "
    "where fping has 36",
)
TRUTH = "ICMP", "RTT error p50 ≤ 20 µs and p90 ≤ 50 µs"
BLOCKED = "ICMP", "also with another task blocking the loop 10 ms 20 × a second"
PROBES = (
    "HTTP / TLS / DNS",
    "CPU per probe of a real worker at the same open-loop rate: "
    "≤ 0.5 × / ≤ 1.0 × / ≤ 0.3 × blackbox_exporter's",
)
HTTP = "HTTP timing", "at 1000 probes/s evenly, p50 within 0.3 ms of a C client's"
TARPITS = "TLS tarpits", "50 among 500 healthy targets: these do not move"
SYSTEM = (
    "whole system",
    "300 jobs every 5 s, CPU per result: http ≤ 0.5 ms, icmp ≤ 0.3, dns ≤ 0.3",
)
SCHEDULING = (
    "scheduling",
    "≤ 4 % of a core at 10,000 jobs every 10 s, lateness p99 ≤ 15 ms",
)
INGEST = "ingest", "≥ 50,000 results/s on one core, wire to commit with rollups"
JUDGING = "judging", "≥ 100,000 votes/s on one core, nothing rescanned"
HANDSHAKES = "handshakes", "≥ 500/s on one core, both sides together"
FLOOD = (
    "flood",
    "forged first messages from 50 addresses: honest joins ≤ 5 s, "
    "the dashboard's p95 at most doubled",
)
CROWD = "1,000 workers", "heartbeat cost ≤ 5 % of a core"
STORM = "1,000 workers", "reconnect storm: all back within 30 s, no result lost"
MEMORY = (
    "memory",
    "worker ≤ 100 MB with 10,000 jobs; coordinator ≤ 250 MB with 100,000 assignments",
)
BACKTEST = "backtest", "30 days of 1,000 jobs x 5 workers in ≤ 10 s"
STORAGE = "storage", "≤ 500 bytes written to disk a result in all"
SEALED = "storage", "100,000 series, shuffled arrival: ≤ 16 bytes a result once sealed"
HISTORY = (
    "history",
    "24 h of one job at 10 million raw rows: page data ≤ 50 ms p95 while ingesting "
    "1,000 results/s",
)
YEAR = "history", "a year of one job from rollups ≤ 20 ms"
LARGE = "start", "serving within 2 s with a large database"
DETECTION = (
    "detection",
    "down within I/N + 2 T + 1 s at worst, I/2N + 2 T + 1 s in the median (refused: "
    "T ≈ 0); N = 1: I + 4 T + 7 s; 500 at once: plus 500 ÷ confirm budget",
)
SKEWED = "detection", "the same while the clocks of workers are 30 s off"
LIVE = (
    "live",
    "1,000 pages open, 170 results/s and 20 verdict changes/s: every stream gets every "
    "change within 1 s, ≤ 10 % of a core",
)
SHOWN = "live", "a verdict change is on an open page within 1 s"
DASH = "dashboard", "500 jobs x 5 workers: first paint ≤ 300 ms, ≤ 300 KB compressed"
KEYS = "dashboard", "interaction ≤ 50 ms"
ALERTS = (
    "alerts",
    "10,000 transitions handled in ≤ 5 s, in ≤ 5 messages, without delaying ingest "
    "(p95 of its acknowledgements ≤ 250 ms later); verdict to first send ≤ 1 s",
)
BINARY = "single file", "at most 35 MB; --help ≤ 0.4 s"
START = "start", "serving within 2 s; --help ≤ 0.15 s; a worker joined within 3 s"

MUSTS = (
    Must(*ICMP, "icmp-engine", "ratio_paced", 1.6),
    Must(*PINGS, "worker-pings", "core_pct", 35, floor=Floor("fping_cpu_us", 36)),
    Must(*TRUTH, "icmp-truth", "error_p50_us", 20, 10),
    Must(*TRUTH, "icmp-truth", "error_p90_us", 50),
    Must(*BLOCKED, "icmp-truth", "blocked_error_p50_us", 20, 10),
    Must(*BLOCKED, "icmp-truth", "blocked_error_p90_us", 50),
    Must(*PROBES, "worker-http", "ratio_to_blackbox", 0.5, 0.25),
    Must(*PROBES, "worker-https", "ratio_to_blackbox", 1.0, 0.7),
    Must(*PROBES, "worker-tls", "ratio_to_blackbox", 1.0, 0.7),
    Must(*PROBES, "worker-dns", "ratio_to_blackbox", 0.3, 0.12),
    Must(*HTTP, "truth-http", "error_p50_ms", 0.3),
    Must(*TARPITS, "tarpits", "with_lateness_p99_ms", 15),
    Must(*TARPITS, "tarpits", "moved_lateness_p99_ms", 5),
    Must(*TARPITS, "tarpits", "moved_reported_p50_ms", 0.3),
    Must(*SYSTEM, "system-http", "cpu_ms", 0.5, 0.25),
    Must(*SYSTEM, "system-icmp", "cpu_ms", 0.3, 0.1),
    Must(*SYSTEM, "system-dns", "cpu_ms", 0.3, 0.1),
    Must(*SCHEDULING, "scheduling", "core_pct", 4),
    Must(*SCHEDULING, "scheduling", "lateness_p99_ms", 15),
    Must(*INGEST, "ingest", "results_per_core_s", 50_000, 100_000, at_least=True),
    Must(*JUDGING, "judging", "votes_per_core_s", 100_000, at_least=True),
    Must(*HANDSHAKES, "handshakes", "handshakes_per_core_s", 500, at_least=True),
    Must(*FLOOD, "flood", "join_longest_s", 5),
    Must(*FLOOD, "flood", "ratio_p95", 2),
    Must(*CROWD, "many-workers", "heartbeat_core_pct", 5),
    Must(*STORM, "many-workers", "back_s", 30),
    Must(*STORM, "many-workers", "lost_or_doubled", 0),
    Must(*BACKTEST, "backtest", "took_s", 10),
    Must(*STORAGE, "ingest", "written_bytes_per_result", 500, 250),
    Must(*STORAGE, "storage", "written_bytes_per_result", 500, 250),
    Must(*STORAGE, "storage", "rich_written_bytes_per_result", 500, 250),
    Must(*SEALED, "storage", "sealed_bytes_per_result", 16, 8),
    Must(*SEALED, "storage", "rich_sealed_bytes_per_result", 16, 8),
    Must(*HISTORY, "history", "page_p95_ms", 50, 10),
    Must(*YEAR, "history", "year_p95_ms", 20),
    Must(*LARGE, "history", "start_s", 2),
    Must(*MEMORY, "memory-worker", "rss_mb", 100, 50),
    Must(*MEMORY, "memory-coordinator", "rss_mb", 250, 125),
    Must(*DETECTION, "detection", "worst_of_bound", 1),
    Must(*DETECTION, "detection", "median_of_bound", 1),
    Must(*DETECTION, "detection", "storm_of_bound", 1),
    Must(*DETECTION, "detection", "own_share_worst_s", 1, 0.3),
    Must(*SKEWED, "detection-skewed", "worst_of_bound", 1),
    Must(*SKEWED, "detection-skewed", "median_of_bound", 1),
    Must(*LIVE, "live", "late_worst_s", 1),
    Must(*LIVE, "live", "core_pct", 10, 5),
    Must(*LIVE, "live", "results_s", 170, at_least=True),
    Must(*LIVE, "live", "changes_s", 20, at_least=True),
    Must(*SHOWN, "dash", "shown_worst_s", 1),
    Must(*DASH, "dash", "page_p95_ms", 300),
    Must(*DASH, "dash", "first_paint_kb", 300),
    Must(*KEYS, "dash", "search_ms", 50),
    Must(*ALERTS, "alerting", "handled_s", 5),
    Must(*ALERTS, "alerting", "late_ms", 250),
    Must(*ALERTS, "alerting", "messages", 5),
    Must(*ALERTS, "alerting", "first_send_s", 1),
    Must(*START, "start", "first_serving_s", 2),
    Must(*START, "start", "help_s", 0.15),
    Must(*START, "start", "first_joined_s", 3),
    Must(*BINARY, "start-binary", "file_mb", 35),
    Must(*BINARY, "start-binary", "help_s", 0.4),
)
