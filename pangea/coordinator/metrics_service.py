"""The coordinator in numbers, and the last results, for Prometheus.

Everything comes from memory, a few lines at a time: tens of thousands of series are
made while others have their turn.
"""

import resource
from collections.abc import Callable, Iterator

from pangea import __version__
from pangea.core.exposition import Sample, family, labels
from pangea.core.gauges import FAMILIES, gauges_of, pack, unpack, value_of
from pangea.core.model import (
    COORDINATOR,
    PUSHED,
    Job,
    Outcome,
    Result,
    VoteValue,
    Worker,
)
from pangea.core.votes import Vote

from .board import Board
from .coordinator import Coordinator

#: What the value of ``pangea_job_verdict`` means.
VERDICTS = ("up", "degraded", "down", "unknown", "maintenance", "paused")
_NONE = float("nan")


#: A worker's last result of a job: its labels, the type of the job, what it told.
#: No objects that the collector of garbage had to look through, for they are many.
Seen = tuple[str, str, bytes]


class MetricsService:
    """Answers ``GET /metrics``."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._c = coordinator
        self._board = coordinator.board

    def scrape(self, org: int) -> Iterator[str]:
        """Yield what *org* may see; each piece is made in well under a millisecond."""
        yield from self._health(org)
        yield from self._of_workers(org)
        yield from self._of_jobs(org)
        yield from self._of_probes(org)

    def _health(self, org: int) -> Iterator[str]:
        """Yield how the coordinator itself is."""
        c, usage = self._c, resource.getrusage(resource.RUSAGE_SELF)
        intake, took, outbox = c.intake, c.outages.took_s, c.alerting.paging.outbox
        counters = {
            "process_cpu_seconds_total": usage.ru_utime + usage.ru_stime,
            "pangea_results_total": intake.taken,
            "pangea_messages_sent_total": outbox.counts["sent"],
            "pangea_messages_failed_total": outbox.counts["again"],
            "pangea_messages_refused_total": outbox.counts["refused"],
        }
        gauges = {
            "process_start_time_seconds": c.board.started,
            "process_resident_memory_bytes": resident_bytes(),
            "pangea_loop_lag_seconds": c.lag.worst_s,
            "pangea_ingest_batches_waiting": intake.waiting,
            "pangea_storage_trouble": bool(intake.trouble),
            "pangea_verdicts_frozen": c.watch.doubt is not None,
            "pangea_confirming": len(c.confirming.open),
            "pangea_confirm_waiting": c.confirming.waiting,
            "pangea_detection_seconds": _NONE if took is None else took,
            "pangea_incidents_open": len(c.incidents.all_open(org)),
            "pangea_notifications_waiting": outbox.waiting,
        }
        version = [(labels(version=__version__), 1.0)]
        yield from family("pangea_build_info", "gauge", "What runs.", version)
        for name, value in counters.items():
            yield from family(name, "counter", HEALTH[name], [("", value)])
        for name, value in gauges.items():
            yield from family(name, "gauge", HEALTH[name], [("", value)])

    def _of_workers(self, org: int) -> Iterator[str]:
        mine = [
            (labels(worker=worker.name), worker)
            for worker in self._board.workers.values()
            if worker.org == org and worker.state == "approved"
        ]
        for name, (meaning, read) in OF_WORKERS.items():
            samples = ((said, read(self._c, worker)) for said, worker in mine)
            yield from family(name, "gauge", meaning, samples)

    def _of_jobs(self, org: int) -> Iterator[str]:
        board = self._board
        jobs: list[tuple[str, Job]] = []
        for job in list(board.jobs.values()):
            if job.org == org:
                jobs.append((labels(job=job.name), job))
            yield ""
        yield from family(
            "pangea_jobs",
            "gauge",
            "Jobs by verdict.",
            [(labels(verdict=v), n) for v, n in board.counts(org).items()],
        )
        infos = (
            (labels(job=j.name, type=j.type, target=j.target), 1.0) for _, j in jobs
        )
        yield from family("pangea_job_info", "gauge", "What a job asks.", infos)
        for name, meaning, read in (
            ("pangea_job_verdict", VERDICT, _verdict),
            ("pangea_job_drill", "Whether it fails on purpose.", _drill),
            ("pangea_job_first_fail_timestamp_seconds", FIRST, _first_fail),
            ("pangea_job_confirmed_timestamp_seconds", CONFIRMED, _confirmed),
            ("pangea_job_alerted_timestamp_seconds", ALERTED, self._alerted),
        ):
            samples: Iterator[Sample] = (
                (said, read(board, job)) for said, job in jobs if job.id in board.jobs
            )
            yield from family(name, "gauge", meaning, samples)

    def _alerted(self, board: Board, job: Job) -> float:
        incident = self._c.incidents.open_of(job.id)
        return incident.alerted_us / 1e6 if incident and incident.alerted_us else _NONE

    def _of_probes(self, org: int) -> Iterator[str]:
        """Yield what the last results say, as long as they count as votes."""
        seen: list[Seen] = []
        now_us = round(self._c.clock.wall() * 1e6)
        self._board.latest.look(now_us)
        for job in list(self._board.jobs.values()):
            if job.org == org and job.id in self._board.jobs:
                seen += self._last(job, now_us)
            yield ""
        yield from family("probe_success", "gauge", SUCCESS, map(_success, seen))
        yield from family("probe_duration_seconds", "gauge", DURATION, map(_took, seen))
        yield from family(
            "pangea_probe_timestamp_seconds",
            "gauge",
            "When the last run began.",
            map(_begun, seen),
        )
        for name, meaning in FAMILIES.items():
            yield from family(name, "gauge", meaning, _values(name, seen))

    def _last(self, job: Job, now_us: int) -> Iterator[Seen]:
        board, votes = self._board, self._board.states[job.id].votes
        since = now_us - board.lasts[job.id] * 1e6
        who = (COORDINATOR,) if job.type in PUSHED else board.placed(job.id)
        for worker in who if job.enabled else ():
            packed, vote = board.latest.of(job.id, worker), votes.get(worker)
            voted_us = round(vote.at * 1e6) if vote else 0
            if vote and not (packed and unpack(packed).started_us >= voted_us):
                packed = pack(_result(job, vote), job.type)
            if packed and unpack(packed).started_us >= since:
                said = labels(job=job.name, worker=board.voter(worker))
                yield said, job.type, packed


def _result(job: Job, vote: Vote) -> Result:
    """Return what a vote that stands still says of the result that it came from."""
    return Result(
        job=job.id,
        started_at_us=round(vote.at * 1e6),
        duration_ms=vote.duration_ms,
        outcome=Outcome.FAILED if vote.value is VoteValue.FAILED else Outcome.OK,
    )


def _values(name: str, seen: list[Seen]) -> Iterator[Sample]:
    """Yield the samples of one metric, with its phases."""
    places = {
        kind: [
            (at, f',phase="{gauge.phase}"' if gauge.phase else "")
            for at, gauge in enumerate(gauges_of(kind))
            if gauge.name == name
        ]
        for kind in {kind for _, kind, _ in seen}
    }
    for said, kind, packed in seen:
        for at, phase in places[kind]:
            yield said + phase, value_of(packed, at)


def _success(one: Seen) -> Sample:
    return one[0], unpack(one[2]).success


def _took(one: Seen) -> Sample:
    return one[0], unpack(one[2]).duration_s


def _begun(one: Seen) -> Sample:
    return one[0], unpack(one[2]).started_us / 1e6


def _verdict(board: Board, job: Job) -> float:
    return VERDICTS.index(board.verdict(job))


def _drill(board: Board, job: Job) -> float:
    return job.id in board.drills or _NONE


def _first_fail(board: Board, job: Job) -> float:
    return _of_outage(board, job, "first_fail")


def _confirmed(board: Board, job: Job) -> float:
    return _of_outage(board, job, "confirmed")


def _of_outage(board: Board, job: Job, name: str) -> float:
    outage = board.outages.get(job.id)
    if outage is None or not outage.confirmed or outage.over:
        return _NONE
    return float(getattr(outage, name))


def resident_bytes() -> float:
    """Return the memory that this process holds; NaN where /proc does not say."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * resource.getpagesize()
    except OSError:
        return _NONE


def _connected(c: Coordinator, worker: Worker) -> float:
    return worker.id in c.board.connected


def _sick(c: Coordinator, worker: Worker) -> float:
    return worker.id in c.board.sick


def _seen(c: Coordinator, worker: Worker) -> float:
    return c.board.seen.get(worker.id) or _NONE


def _spooled(c: Coordinator, worker: Worker) -> float:
    vitals = c.reception.vitals(worker.id)
    return vitals.spooled if vitals else _NONE


def _late(c: Coordinator, worker: Worker) -> float:
    vitals = c.reception.vitals(worker.id)
    return vitals.lag_ms / 1000 if vitals else _NONE


def _offset(c: Coordinator, worker: Worker) -> float:
    vitals = c.reception.vitals(worker.id)
    return vitals.offset_us / 1e6 if vitals else _NONE


HEALTH = {
    "process_cpu_seconds_total": "CPU time that was used.",
    "process_start_time_seconds": "When the coordinator was started.",
    "process_resident_memory_bytes": "Memory that is held.",
    "pangea_results_total": "Results stored since the start.",
    "pangea_messages_sent_total": "Messages that were delivered, since the start.",
    "pangea_messages_failed_total": "Attempts that did not deliver one.",
    "pangea_messages_refused_total": "Messages that were refused for good.",
    "pangea_notifications_waiting": "What people are to be told and were not yet.",
    "pangea_loop_lag_seconds": "How late the event loop ran at the worst, in the last "
    "minute or two.",
    "pangea_ingest_batches_waiting": "Batches of results that wait to be judged.",
    "pangea_storage_trouble": "Whether the database refuses.",
    "pangea_verdicts_frozen": "Whether verdicts stand still, as most workers vanished.",
    "pangea_confirming": "Jobs that all their workers look at now.",
    "pangea_confirm_waiting": "Jobs that wait for that, for want of budget.",
    "pangea_detection_seconds": "From the first failure to the verdict: median of the "
    "last 100 outages.",
    "pangea_incidents_open": "Incidents that are open.",
}
Of = Callable[[Coordinator, Worker], float]
OF_WORKERS: dict[str, tuple[str, Of]] = {
    "pangea_worker_connected": ("Whether it has a link.", _connected),
    "pangea_worker_sick": ("Whether what it fails does not count.", _sick),
    "pangea_worker_last_seen_timestamp_seconds": ("When it was heard last.", _seen),
    "pangea_worker_spooled_results": ("Results that wait there.", _spooled),
    "pangea_worker_loop_lag_seconds": ("How late its loop ran of late.", _late),
    "pangea_worker_clock_offset_seconds": ("How far its clock is off.", _offset),
}
VERDICT = ", ".join(f"{number} {word}" for number, word in enumerate(VERDICTS)) + "."
FIRST = "When the outage that goes on was seen first."
CONFIRMED = "When the verdict of the outage that goes on was down."
ALERTED = "When the first people were told of the incident that goes on."
SUCCESS = "Whether the last run went well; absent if it could not tell."
DURATION = "How long the last run took."
