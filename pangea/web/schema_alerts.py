"""What the API tells and takes of alert rules and deliveries."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from pangea.core.alert_rule import LONGEST_S, MOST_STEPS

Name = Annotated[str, Meta(pattern=r"^[a-z0-9._-]{1,63}$")]
Short = Annotated[str, Meta(max_length=200)]
Names = Annotated[list[Short], Meta(max_length=100)]
Kind = Literal[
    "down",
    "degraded",
    "certificate",
    "changed",
    "unknown",
    "worker-lost",
    "worker-isolated",
    "coordinator-isolated",
    "storage",
    "gap",
]
Kinds = Annotated[list[Kind], Meta(max_length=20)]
Severity = Literal["info", "warning", "critical"]
Labels = Annotated[dict[Short, Short], Meta(max_length=32)]
Long = Annotated[float, Meta(ge=0, le=LONGEST_S)]
Factor = Annotated[float, Meta(ge=1, le=10)]


class Escalate(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who else is told so long after the first, if nobody has acknowledged."""

    after_s: Annotated[float, Meta(gt=0, le=LONGEST_S)]
    channels: Annotated[list[Short], Meta(min_length=1, max_length=100)]


Escalations = Annotated[list[Escalate], Meta(max_length=MOST_STEPS)]


class RuleSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An alert rule; what is empty or not given matches everything.

    ``jobs`` are patterns such as ``web-*``, ``hours`` such as
    ``mon-fri@08:00-18:00`` by the clocks of ``zone``. It has to last for ``older_s``.
    Without ``channels`` all are told. After ``remind_s`` they are told again, each
    time ``factor`` times later; and when it is over, if ``recovered``.
    """

    name: Name
    enabled: bool = True
    kinds: Kinds = []
    severity: Severity = "info"
    jobs: Names = []
    labels: Labels = field(default_factory=dict)
    regions: Names = []
    hours: Short = ""
    zone: Short = "UTC"
    older_s: Long = 0.0
    channels: Names = []
    escalations: Escalations = []
    remind_s: Long = 0.0
    factor: Factor = 2.0
    recovered: bool = True


class RulePatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be changed of a rule; what is not given stays."""

    name: Name | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    kinds: Kinds | UnsetType = UNSET
    severity: Severity | UnsetType = UNSET
    jobs: Names | UnsetType = UNSET
    labels: Labels | UnsetType = UNSET
    regions: Names | UnsetType = UNSET
    hours: Short | UnsetType = UNSET
    zone: Short | UnsetType = UNSET
    older_s: Long | UnsetType = UNSET
    channels: Names | UnsetType = UNSET
    escalations: Escalations | UnsetType = UNSET
    remind_s: Long | UnsetType = UNSET
    factor: Factor | UnsetType = UNSET
    recovered: bool | UnsetType = UNSET


class EscalationAnswer(Struct, frozen=True, kw_only=True):
    """Who else is told, and when."""

    after_s: float
    channels: list[str]


class RuleAnswer(Struct, frozen=True, kw_only=True):
    """An alert rule; without ``channels`` it tells all that are enabled."""

    name: str
    enabled: bool
    kinds: list[str]
    severity: str
    jobs: list[str]
    labels: dict[str, str]
    regions: list[str]
    hours: str
    zone: str
    older_s: float
    channels: list[str]
    escalations: list[EscalationAnswer]
    remind_s: float
    factor: float
    recovered: bool


class WouldTell(Struct, frozen=True, kw_only=True):
    """What a rule would do: whom it tells and after how long, or why it does not."""

    rule: str
    tells: bool
    why_not: str
    steps: list[EscalationAnswer]
    remind_s: float


class AttemptAnswer(Struct, frozen=True, kw_only=True):
    """One attempt: ``sent``, ``again`` (it is tried once more) or ``refused``."""

    at: str
    took_ms: float
    outcome: str
    answer: str


class DeliveryAnswer(Struct, frozen=True, kw_only=True):
    """What was to be told to a channel, and how far that is.

    ``state`` is ``waiting``, ``sending``, ``sent``, ``dead`` (given up, or refused)
    or ``dropped`` (there was no more reason to send it). ``step`` is what of the rule
    it is; those with the same ``message`` went out as one.
    """

    id: str
    at: str
    state: str
    kind: str
    severity: str
    title: str
    reason: str
    step: str
    rule: str
    channel: str
    incident: str | None
    job: str | None
    message: str
    tries: int
    sent_at: str | None
    next_try_at: str | None
    answer: str
    drill: bool


class DeliveryDetail(DeliveryAnswer, frozen=True, kw_only=True):
    """The same with each attempt, oldest first, and what is known of it."""

    attempts: list[AttemptAnswer]
    facts: dict[str, Any]
