"""What the API answers and accepts: one struct each, also for the document."""

import functools
from datetime import UTC, datetime
from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType, field

from .schema_backups import BackupsStatus
from .schema_health import CheckAnswer
from .schema_incidents import IncidentAnswer
from .schema_push import PushAnswer as PushAnswer
from .schema_push import PushQuery as PushQuery
from .schema_storage import StorageStatus
from .schema_workers import DrainBody as DrainBody
from .schema_workers import RenameBody as RenameBody
from .schema_workers import RevokeBody as RevokeBody


def moment(us: int) -> str:
    """Return microseconds of UTC as RFC 3339 with microseconds."""
    seconds, rest = divmod(us, 1_000_000)
    return f"{_second(seconds)}.{rest:06d}Z"


@functools.lru_cache(256)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


class JobSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A job to be added; what is left out has the default of its type.

    ``rule`` says no more than what differs from the defaults of the organisation;
    ``depends_on`` are names of jobs; ``slo`` is a share of the time in percent.
    """

    type: str
    target: str
    name: str | None = None
    interval_s: float | None = None
    timeout_s: float | None = None
    on: str = "all"
    rule: str = ""
    expect: Literal["ok", "fail"] = "ok"
    options: dict[str, Any] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    enabled: bool = True
    depends_on: list[str] = []
    slo: float = 0.0


class JobPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Changes to a job; what is left out stays. ``options`` replace one by one.

    An option or label given as null is taken away again.
    """

    name: str | UnsetType = UNSET
    target: str | UnsetType = UNSET
    interval_s: float | UnsetType = UNSET
    timeout_s: float | UnsetType = UNSET
    on: str | UnsetType = UNSET
    rule: str | UnsetType = UNSET
    expect: Literal["ok", "fail"] | UnsetType = UNSET
    options: dict[str, Any] | UnsetType = UNSET
    labels: dict[str, str | None] | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    depends_on: list[str] | UnsetType = UNSET
    slo: float | UnsetType = UNSET


class WorkerChoice(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of stop and start: one worker, or all of them."""

    worker: str | None = None


class CostAnswer(Struct, frozen=True, kw_only=True):
    """What a job costs; ``words`` is the line that people read."""

    workers: int
    probes_per_s: float
    target_per_s: float
    bytes_per_day: int
    detection_s: float | None
    words: str


class VoteAnswer(Struct, frozen=True, kw_only=True):
    """A worker's cell: its vote (null: none), or why it does not probe the job.

    ``state`` is ``probing``, ``stopped``, ``refused``, ``waiting`` (assigned, no
    result yet), ``suspect`` (the worker is not connected; its vote counts for some
    seconds more), ``lost`` (its vote counts no more) or ``moving`` (another worker
    takes over, and this one goes on until that one has reported). A worker that the
    job names and that is not there is ``absent``; of one in ``maintenance`` nothing
    counts, and of one that is ``sick`` (isolated or unwell) nothing that it fails.
    """

    worker: str
    outcome: str | None
    state: str
    at: str | None = None
    duration_ms: float | None = None
    reason: str = ""
    detail: str = ""
    expires: str | None = None


class JobAnswer(Struct, frozen=True, kw_only=True):
    """A job with its verdict and a vote for each worker.

    The verdict may also be ``paused`` or ``maintenance``.
    Secret options are masked. ``push_path`` is where a heartbeat job is told,
    and its next report is in time until ``next_before``;
    ``notices`` are sentences for a person, of workers that it names and are not there.
    While it is down, ``first_fail_at`` is when that was first seen and ``confirmed_at``
    when it was believed. ``incident`` is the id of its open one; a ``flapping`` job
    changes its verdict too often: in ``flap_pct`` of its last 20 states.
    ``rule_in_force`` is ``rule`` over the defaults of the organisation.
    """

    id: int
    name: str
    type: str
    target: str
    interval_s: float
    timeout_s: float
    on: str
    rule: str
    expect: str
    options: dict[str, Any]
    labels: dict[str, str]
    enabled: bool
    verdict: str
    verdict_since: str | None
    verdict_reason: str
    votes: list[VoteAnswer]
    last_duration_ms: float | None = None
    push_path: str | None = None
    next_before: str | None = None
    notices: list[str] = []
    depends_on: list[str] = []
    slo: float = 0.0
    first_fail_at: str | None = None
    confirmed_at: str | None = None
    incident: str | None = None
    flapping: bool = False
    flap_pct: float = 0.0
    rule_in_force: str = ""
    drill: bool = False
    trust: str = ""


class AddedJob(Struct, frozen=True, kw_only=True):
    """The answer to adding a job; with ``dry_run`` nothing was stored."""

    job: JobAnswer
    cost: CostAnswer
    dry_run: bool = False


class ResultAnswer(Struct, frozen=True, kw_only=True):
    """One run of a probe; ``void`` says why it did not count, "" if it did."""

    worker: str
    started_at: str
    duration_ms: float
    outcome: str
    reason: str
    detail: str
    phases: dict[str, float]
    readings: dict[str, Any]
    flags: list[str]
    void: str = ""


class PointAnswer(Struct, frozen=True, kw_only=True):
    """A step of history; ``missing`` are runs that should have been.

    ``loss_pct`` is of the packets, null if the probe sends none; ``phases_ms`` has
    the mean of each phase of the good results, if a run has more than one.
    """

    at: str
    ok: int
    failed: int
    error: int
    missing: int
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    min_ms: float | None = None
    max_ms: float | None = None
    mean_ms: float | None = None
    loss_pct: float | None = None
    phases_ms: dict[str, float] = {}


class HistoryAnswer(Struct, frozen=True, kw_only=True):
    """A stretch of history; ``uptime`` (of time) and ``coverage`` are shares of 1.

    ``added_at`` is when the job was added, if that is within the stretch: both
    count from then on.
    """

    step_s: float
    points: list[PointAnswer]
    uptime: float | None
    coverage: float
    added_at: str | None = None


class WorkerAnswer(Struct, frozen=True, kw_only=True):
    """A worker and how it is; ``state`` is ``approved``, ``pending`` or ``revoked``.

    A ``trusted`` one gets the credentials of jobs, a ``draining`` one no new jobs.
    ``notices`` are for a person. ``peers`` are those that it should have links to,
    ``peer_rtt_ms`` is the median of their round trips; ``alive_via`` hears it while we
    do not. ``path`` is how it is linked, ``dialled`` where we dial it.
    ``revoked_by`` and ``revoked_reason`` say who shut it out, and why. ``offset_ms``
    may be off by ``offset_error_ms``; ``self_test`` is what it found about itself.
    """

    name: str
    id: str
    state: str
    region: str
    position: tuple[float, float] | None
    tags: dict[str, str]
    version: str
    connected: bool
    last_seen: str | None
    offset_ms: float | None
    rtt_ms: float | None
    spool: int
    lag_ms: float
    jobs: int
    lacks: dict[str, str]
    health: str
    trusted: bool = True
    draining: bool = False
    added_at: str | None = None
    approved_by: str = ""
    notices: list[str] = []
    peers: int = 0
    peers_linked: int = 0
    peer_rtt_ms: float | None = None
    alive_via: str | None = None
    path: str | None = None
    dialled: str | None = None
    revoked_at: str | None = None
    revoked_by: str = ""
    revoked_reason: str = ""
    offset_error_ms: float | None = None
    self_test: list[CheckAnswer] = []


class Concern(Struct, frozen=True, kw_only=True):
    """What a person may mend: with which worker ("" for none), and the next step."""

    about: str
    what: str
    next: str


class StatusAnswer(Struct, frozen=True, kw_only=True):
    """The coordinator in one answer; ``trouble`` are sentences for a person.

    ``concerns`` are at most 20 things to look at, mostly workers that are not well.
    ``join`` are the commands that add a worker by a token: one here, one on its
    machine; ``join_secret`` those with the cluster's secret in a file, none in
    public. ``confirming`` jobs are looked at now by all their workers, of which
    ``confirm_waiting`` wait for the budget; ``detection_s`` is how long the last
    outages took from the first failure to the verdict. ``only_here``: no other machine
    reaches this coordinator. ``incidents`` are the newest 20 of those that are open.
    ``backup`` is null where none are scheduled. ``workers_resting`` are in maintenance.
    """

    name: str
    version: str
    started_at: str
    now: str
    verdicts: dict[str, int]
    jobs: int
    workers: int
    workers_connected: int
    results_per_s: float
    trouble: list[str]
    next: str
    join: list[str] = []
    join_secret: list[str] = []
    only_here: bool = False
    concerns: list[Concern] = []
    confirming: int = 0
    confirm_waiting: int = 0
    detection_s: float | None = None
    incidents_open: int = 0
    incidents: list[IncidentAnswer] = []
    backup: BackupsStatus | None = None
    storage: StorageStatus | None = None
    workers_resting: int = 0


class Starter(Struct, frozen=True, kw_only=True):
    """A job that the empty dashboard offers."""

    spec: JobSpec
    why: str


class Page(Struct, frozen=True, kw_only=True):
    """A list answer; ``next`` is the cursor of the next page, or null."""

    items: list[Any]
    next: str | None = None
