"""Why a job has its verdict: who voted what, who did not count, which line decided.

``explain`` is pure: a judged state and what is known of the workers in, an
explanation out, which can be kept and shown as the decision was *then*.
"""

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from .model import COORDINATOR, VoteValue, Worker
from .quorum import NOBODY, Quorum
from .rule import Rule, format_rule
from .tally import LINES, decide
from .verdict import JobState
from .votes import Vote

#: So many workers are told of, those that count first.
MOST = 200
#: How it is judged what reports by itself.
TOLD = "down when it reports a failure, or nothing in time; up with a good report"
#: A vote without one of these is not shown.
_NONE = ""


class Seat(Struct, frozen=True):
    """A worker that has to do with a job; ``why`` its vote does not count, if known."""

    worker: int
    name: str
    region: str = ""
    why: str = ""


class Voice(Struct, frozen=True, kw_only=True):
    """What a worker says of a job: its ``vote``, "" for none, and if it ``counts``.

    ``why`` says why it does not count, or why there is none.
    """

    worker: str
    region: str = ""
    vote: str = ""
    counts: bool = False
    why: str = ""
    at_us: int = 0
    expires_us: int = 0
    duration_ms: float = 0.0
    reason: str = ""
    detail: str = ""


class Explanation(Struct, frozen=True, kw_only=True):
    """A verdict and its ground, as they were at ``at_us``.

    ``before`` is the verdict that it took the place of, "" if nothing changed then.
    ``line`` is what decided (`tally.LINES`), ``line_words`` the same with the counts.
    ``voters`` have a vote or could have, of them ``needed`` must fail for down.
    """

    job: str
    at_us: int
    verdict: str
    since_us: int
    reason: str
    line: str
    line_words: str
    rule: str
    rule_words: str
    voters: int
    needed: int
    ok: int = 0
    warned: int = 0
    failed: int = 0
    before: str = ""
    first_fail_us: int = 0
    confirmed_us: int = 0
    voices: tuple[Voice, ...] = ()
    left_out: int = 0

    @property
    def data(self) -> dict[str, Any]:
        """This explanation as it is stored."""
        told: dict[str, Any] = msgspec.to_builtins(self)
        return told


def explain(
    job: str,
    state: JobState,
    rule: Rule,
    seats: Iterable[Seat],
    now: float,
    *,
    workers: Mapping[int, Worker] = NOBODY,
    before: str = "",
    first_fail: float = 0.0,
    confirmed: float = 0.0,
) -> Explanation:
    """Return why the job called *job* is what *state* says, at *now* (UTC seconds).

    *seats* are all workers that it is given to, or was; *workers* have regions, of
    which a rule may speak.
    """
    ground = decide(state, rule, workers)
    voters = state.voters
    told = voters == (COORDINATOR,)
    voices = _sorted(_voice(seat, state, voters) for seat in seats)
    counts = {
        "ok": len(ground.ok),
        "warned": len(ground.warned),
        "failed": len(ground.failed),
    }
    return Explanation(
        job=job,
        at_us=_us(now),
        verdict=str(state.verdict),
        since_us=_us(state.since),
        reason=state.reason,
        line=state.line,
        line_words=_line(state, rule, counts, len(voters)),
        rule="report" if told else format_rule(rule) or str(rule.quorum),
        rule_words=TOLD if told else in_words(rule),
        voters=len(voters),
        needed=rule.quorum.needs(len(voters)),
        before=before,
        first_fail_us=_us(first_fail),
        confirmed_us=_us(confirmed),
        voices=tuple(voices[:MOST]),
        left_out=max(len(voices) - MOST, 0),
        **counts,
    )


@functools.lru_cache(maxsize=256)
def in_words(rule: Rule) -> str:
    """Return *rule* as a sentence for a person."""
    said = [_quorum(rule.quorum)]
    if rule.down_rounds > 1:
        said[0] += f", for {rule.down_rounds} rounds"
    rounds = "a good round" if rule.up_rounds == 1 else f"{rule.up_rounds} good rounds"
    said.append(f"up again after {rounds}")
    if rule.min_voters:
        said.append(f"no new verdict with fewer than {rule.min_voters} votes")
    warns = [
        f"{name} {limit:g}{unit}"
        for name, limit, unit in (
            ("latency above", rule.latency_ms, " ms"),
            ("slower than", rule.slower, " times the usual"),
            ("loss above", rule.loss_pct, " %"),
            ("jitter above", rule.jitter_ms, " ms"),
            ("fewer days left than", rule.days, ""),
        )
        if limit is not None
    ]
    if warns:
        said.append(f"warns: {', '.join(warns)}")
    return "; ".join(said)


def _quorum(quorum: Quorum) -> str:
    each = "worker fails" if quorum.count == 1 else "workers fail"
    words = {
        "majority": "down when more than half of those that vote fail",
        "any": "down when anybody fails",
        "all": "down when all that vote fail",
        "count": f"down when {quorum.count} {each}",
        "share": f"down when {quorum.percent:g} % of those that vote fail",
        "regions": f"down when in {quorum.regions} regions {quorum.count} {each}",
    }
    return words.get(quorum.kind, str(quorum))


def _line(state: JobState, rule: Rule, counts: Mapping[str, int], voters: int) -> str:
    """Return the line that decided, with the numbers on which it did."""
    needed = rule.quorum.needs(voters)
    said = LINES.get(state.line, state.line)
    good = counts["ok"] + counts["warned"]
    fine = f"{good} of {voters} good"
    if counts["warned"]:
        fine += f", {counts['warned']} of them with a warning"
    told = {
        "nobody": "",
        "waiting": "",
        "reported": "",
        "too-few": f"{good + counts['failed']} of {voters} vote",
        "warned": f"{counts['warned']} of {voters} warn",
        "quorum-good": fine,
        "recovering": f"{fine}, {state.good_rounds} of {rule.up_rounds} rounds",
        "rounds": f"{counts['failed']} of {voters} failed, "
        f"{state.bad_rounds} of {rule.down_rounds} rounds",
        "split": f"{counts['failed']} of {voters} failed, {needed} are needed; "
        f"{good} good",
    }
    usual = f"{counts['failed']} of {voters} failed, {needed} needed"
    numbers = told.get(state.line, usual)
    return f"{said} ({numbers})" if numbers else said


def _voice(seat: Seat, state: JobState, voters: Sequence[int]) -> Voice:
    vote = state.votes.get(seat.worker)
    counts = vote is not None and seat.worker not in state.suspended
    told = _told(vote) if vote else {}
    return Voice(
        worker=seat.name,
        region=seat.region,
        counts=counts,
        why="" if counts else _why_not(seat, state, voters),
        **told,
    )


def _told(vote: Vote) -> dict[str, Any]:
    return {
        "vote": str(vote.value),
        "at_us": _us(vote.at),
        "expires_us": _us(vote.expires),
        "duration_ms": vote.duration_ms,
        "reason": vote.reason,
        "detail": vote.detail,
    }


def _why_not(seat: Seat, state: JobState, voters: Sequence[int]) -> str:
    """Return why a worker's vote does not count; what is known comes first."""
    if seat.why:
        return seat.why
    if seat.worker in state.suspended:
        return "its vote is suspended"
    if seat.worker in state.sick:
        return "sick"
    if seat.worker not in voters:
        return "not in the electorate"
    return "it has not voted yet"


def _sorted(voices: Iterable[Voice]) -> list[Voice]:
    """Return those that count first, the worst of them before the others."""
    order = [VoteValue.FAILED, VoteValue.WARN, VoteValue.OK, _NONE]
    return sorted(voices, key=lambda v: (not v.counts, order.index(v.vote), v.worker))


def _us(seconds: float) -> int:
    return round(seconds * 1e6)
