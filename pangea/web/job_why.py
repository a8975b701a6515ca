"""Why a job is as it is: who decided what, its votes, and what is known of it."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from pangea.core.durations import format_duration
from pangea.core.model import PUSHED
from pangea.core.text import safe_text

from .api_explain import ExplainAnswer, VoiceAnswer
from .job_range import address
from .schema import HistoryAnswer, JobAnswer, StatusAnswer, VoteAnswer
from .schema_past import UptimeAnswer
from .text import t
from .view import Cell, cell, job_href
from .words import When, age, meaning, ms, share, when, why


class VoteRow(Struct, frozen=True):
    """A worker of the job, with what it says and whether it can be stopped.

    ``counts`` says if its vote counts, or why it does not; ``href`` is its own chart,
    "" if it has none.
    """

    worker: str
    href: str
    cell: Cell
    latency: str
    reason: str
    meaning: str
    at: When | None
    counts: str
    silent: bool
    can_stop: bool
    can_start: bool
    anchor: str


class Why(Struct, frozen=True):
    """Why the verdict is what it is: who decided what, by which rule."""

    decided: str
    rule: str
    found: str


def vote_rows(
    job: JobAnswer, told: ExplainAnswer | None, now: str, query: Mapping[str, str]
) -> list[VoteRow]:
    """Return a row for each worker of *job*; *query* is what its chart shows."""
    voices = {voice.worker: voice for voice in told.votes} if told else {}
    return [_vote(job, vote, voices.get(vote.worker), now, query) for vote in job.votes]


def _vote(
    job: JobAnswer,
    vote: VoteAnswer,
    voice: VoiceAnswer | None,
    now: str,
    query: Mapping[str, str],
) -> VoteRow:
    has_chart = vote.state != "absent" and job.push_path is None
    own = address(job_href(job.name), {**query, "worker": vote.worker})
    stopped = vote.state == "stopped"
    silent = voice is not None and not voice.counts
    return VoteRow(
        worker=vote.worker,
        href=own if has_chart else "",
        cell=cell(job, vote.worker, vote, now),
        latency=ms(vote.duration_ms),
        reason=why(vote.reason, vote.detail),
        meaning=meaning(vote.reason),
        at=when(vote.at, now),
        counts=_counts(voice),
        silent=silent,
        can_stop=job.enabled and not stopped and vote.state != "absent",
        can_start=job.enabled and stopped,
        anchor=f"w-{vote.worker}",
    )


def _counts(voice: VoiceAnswer | None) -> str:
    if voice is None:
        return ""
    if voice.counts:
        return t("job.counts") if voice.vote else ""
    why = safe_text(voice.why, 200)
    return t("job.counts_why", why=why) if why else t("job.counts_not")


def why_view(told: ExplainAnswer | None) -> Why | None:
    """Return the decision in words."""
    if told is None:
        return None
    found = ""
    # Of a job that is well again it tells of the outage before.
    if told.confirmed_after_s is not None and told.verdict in ("down", "degraded"):
        found = t("job.confirmed", after=format_duration(told.confirmed_after_s))
    return Why(
        decided=safe_text(told.decided, 300),
        rule=safe_text(told.rule_words, 300),
        found=found,
    )


def facts_of(
    job: JobAnswer,
    history: HistoryAnswer,
    status: StatusAnswer,
    promised: UptimeAnswer | None,
) -> list[tuple[str, str]]:
    """Return what is known of *job*, as names and texts."""
    added = when(history.added_at, status.now)
    since = t("job.since_added", ago=added.ago) if added else ""
    facts = [
        *_flaps(job),
        (t("job.uptime"), share(history.uptime)),
        (t("job.measured"), share(history.coverage) + since),
        *_promise(promised),
        (t("job.every"), format_duration(job.interval_s)),
        *_asked(job, status),
    ]
    if job.expect == "fail":
        facts.append((t("job.expects"), t("job.expects_fail")))
    if job.depends_on:
        facts.append((t("job.needs"), safe_text(", ".join(job.depends_on), 300)))
    facts += _table(t("job.option"), job.options)
    return [*facts, *_table(t("job.label"), job.labels)]


def _asked(job: JobAnswer, status: StatusAnswer) -> list[tuple[str, str]]:
    """Return who asks, and how that is judged; or when it is to report by itself."""
    if job.type in PUSHED:
        due = when(job.next_before, status.now)
        return [(t("job.in_time"), due.exact)] if due else []
    return [
        (t("job.timeout"), format_duration(job.timeout_s)),
        (t("job.on"), safe_text(job.on, 200)),
        (t("job.rule"), safe_text(job.rule_in_force or job.rule, 200)),
    ]


def _table(word: str, values: Mapping[str, object]) -> list[tuple[str, str]]:
    return [(safe_text(f"{word} {k}", 80), _shown(v)) for k, v in values.items()]


def _shown(value: object) -> str:
    said = ", ".join(map(str, value)) if isinstance(value, list) else value
    return safe_text(said, 200)


def incident_words(job: JobAnswer, status: StatusAnswer) -> str:
    """Return the open incident of the job, "" if there is none."""
    if not job.incident:
        return ""
    told = [i for i in status.incidents if i.id == job.incident]
    by = told[0].acknowledged_by if told else ""
    care = f", {t('job.cared', who=safe_text(by, 63))}" if by else ""
    title = f": {safe_text(told[0].title, 100)}" if told else ""
    return f"{job.incident}{title}{care}"


def _flaps(job: JobAnswer) -> list[tuple[str, str]]:
    if not job.flapping:
        return []
    return [(t("job.flapping"), t("job.flaps", pct=f"{job.flap_pct:.0f}"))]


def _promise(told: UptimeAnswer | None) -> list[tuple[str, str]]:
    """Return what is left of what the job promises."""
    slo = told.slo if told else None
    if slo is None:
        return []
    burn = ", ".join(
        f"{window} {rate:.2g}×" for window, rate in slo.burn.items() if rate
    )
    left = age(abs(slo.left_min) * 60)
    key = "job.budget_left" if slo.left_min >= 0 else "job.budget_spent"
    said = [t("job.of_month", target=f"{slo.target:g}"), t(key, left=left)]
    said += [t("job.burn", burn=burn)] if burn else []
    said += [t("job.young", young=slo.too_young)] if slo.too_young else []
    return [(t("job.promise"), ", ".join(said))]


def push_words(job: JobAnswer, results: Sequence[object]) -> str:
    """Return how a job that reports by itself does so, "" for any other."""
    if job.push_path is None:
        return ""
    key = "job.push" if results else "job.push_first"
    return t(key)
