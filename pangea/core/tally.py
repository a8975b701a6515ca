"""What the votes that a state holds add up to, which line decided, and why."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from .model import COORDINATOR, Verdict, VoteValue, Worker
from .quorum import NOBODY
from .votes import TIMINGS, Vote

if TYPE_CHECKING:
    from .rule import Rule
    from .verdict import JobState

_FAILED, _WARN = VoteValue.FAILED, VoteValue.WARN
#: What tips a partial failure: that others have gone, and nobody's new failure.
NOBODY_NEW = -1
#: One worker alone confirms a failure by repeats, this long after each try.
REPEAT_AFTER_S = (0.0, 1.0, 5.0)
#: Failures that stand for so many rounds below the quorum make it degraded.
PARTIAL_ROUNDS = 3
#: Of what reports by itself and has not yet.
FIRST_REPORT = "waits for its first report"
#: The lines of a rule, one of which decides, and what each says.
LINES = {
    "waiting": "it has not reported yet, and need not have",
    "reported": "what it reported last, or did not in time, decides",
    "nobody": "nobody who is well has a vote",
    "too-few": "too few vote for a new verdict",
    "confirming": "the only voter tries again before it is believed",
    "tipping": "who fails what others have reached since is asked once more",
    "rounds": "enough failed, but not for as many rounds as the rule wants",
    "quorum-failed": "as many failed as the rule wants for down",
    "partial": "failures below the quorum have stood for three rounds",
    "split": "neither enough failed nor enough are good: the old verdict stands",
    "recovering": "enough are good, but not for as many rounds as the rule wants",
    "warned": "a majority warns",
    "quorum-good": "as many are good as the rule wants for up",
}


class Ground(Struct, frozen=True):
    """What was decided and on what ground: ``line`` is one of `LINES`.

    ``ok``, ``warned`` and ``failed`` are the workers whose votes count.
    """

    verdict: Verdict
    line: str
    reason: str
    voters: tuple[int, ...] = ()
    ok: tuple[int, ...] = ()
    warned: tuple[int, ...] = ()
    failed: tuple[int, ...] = ()


def decide(
    state: "JobState", rule: "Rule", workers: Mapping[int, Worker] = NOBODY
) -> Ground:
    """Return what the held votes add up to, and the ground of it.

    *workers* give names and regions.
    """
    return _Ballot(state, rule, workers).ground()


class _Ballot:
    """The votes that count, sorted."""

    def __init__(
        self, state: "JobState", rule: "Rule", workers: Mapping[int, Worker]
    ) -> None:
        self.state, self.rule, self.workers = state, rule, workers
        self.voters, self.votes = state.voters, state.counted
        self.failed, self.good = list[Vote](), list[Vote]()
        for vote in self.votes:
            (self.failed if vote.value is _FAILED else self.good).append(vote)
        self.warned = [v for v in self.good if v.value is _WARN and _warns(v, state)]
        self.tally = f"{len(self.failed)} of {len(self.voters)} failed"
        self.fine = f"{len(self.good) - len(self.warned)} of {len(self.voters)} ok"
        if self.warned:
            self.fine += f", {len(self.warned)} warn"

    def ground(self) -> Ground:
        """Return the first line that decides."""
        state, voters = self.state, self.voters
        if voters == (COORDINATOR,):
            return self._told()
        if not voters:
            nobody = "all that probe it are sick"
            return self._say(
                Verdict.UNKNOWN,
                "nobody",
                nobody if state.electorate else "no worker probes it",
            )
        if len(self.votes) < (self.rule.min_voters or min(2, len(voters))):
            return self._too_few()
        if self.rule.quorum.fails(_ids(self.failed), voters, self.workers):
            return self._failed()
        if state.partial_rounds >= PARTIAL_ROUNDS:
            return self._say(Verdict.DEGRADED, "partial", self._partial())
        if not self._clears():
            why = f"split: {self.fine}, {self.tally}"
            return self._say(state.verdict, "split", why)
        return self._good()

    def _told(self) -> Ground:
        """Decide by what was reported by push: nobody else is asked."""
        if not self.votes:
            is_new = self.state.firm is Verdict.UNKNOWN
            why = FIRST_REPORT if is_new else "waits for its next report"
            return self._say(Verdict.UNKNOWN, "waiting", why)
        if self.failed:
            return self._say(Verdict.DOWN, "reported", _because(self.failed))
        if self.warned:
            return self._say(Verdict.DEGRADED, "reported", _because(self.warned))
        return self._say(Verdict.UP, "reported", "it reported in time")

    def _clears(self) -> bool:
        """Tell whether enough are good; who cannot vote now does not prevent it."""
        good, silent = _ids(self.good), self.state.suspended
        return self.rule.quorum.clears(good, self.voters, self.workers, silent)

    def _partial(self) -> str:
        """Return who fails, and what is missing where that is not plain to see."""
        failed = _ids(self.failed)
        where = ", ".join(self._name(worker) for worker in failed)
        said = f"partial: {where} ({_because(self.failed)})"
        if self.good and self.rule.quorum.kind != "regions":
            return said
        return f"{said}; {self.rule.quorum.lacks(failed, self.voters, self.workers)}"

    def _failed(self) -> Ground:
        state, rule, because = self.state, self.rule, _because(self.failed)
        if state.verdict is not Verdict.DOWN:
            if state.tipped_by == NOBODY_NEW:
                why = f"partial: those who reached it have gone ({because})"
                return self._say(state.verdict, "partial", why)
            if len(self.voters) == 1 and rule.confirm and not _confirmed(state):
                return self._say(state.verdict, "confirming", f"confirming: {because}")
            if rule.confirm and state.tipped_by:
                why = f"confirming: {self._name(state.tipped_by)} too ({because})"
                return self._say(state.verdict, "tipping", why)
            if state.bad_rounds < rule.down_rounds:
                stood = f"{state.bad_rounds} of {rule.down_rounds} rounds"
                why = f"{self.tally} for {stood}: {because}"
                return self._say(state.verdict, "rounds", why)
        return self._say(Verdict.DOWN, "quorum-failed", f"{self.tally}: {because}")

    def _good(self) -> Ground:
        recovered = self.state.good_rounds >= self.rule.up_rounds
        recovering, was = f"recovering: {self.fine}", self.state.verdict
        # What nobody could see for a while is not over by that.
        unsure = was is Verdict.UNKNOWN and self.state.firm is Verdict.DOWN
        if (was is Verdict.DOWN or unsure) and not recovered:
            return self._say(was, "recovering", recovering)
        if 2 * len(self.warned) > len(self.voters):
            some = f"{len(self.warned)} of {len(self.voters)} warn"
            why = f"{some}: {_because(self.warned)}"
            return self._say(Verdict.DEGRADED, "warned", why)
        if was is Verdict.DEGRADED and not recovered:
            return self._say(was, "recovering", recovering)
        why = self.tally if self.failed else self.fine
        return self._say(Verdict.UP, "quorum-good", why)

    def _too_few(self) -> Ground:
        """With too few voters the old verdict stands while the rest agree with it."""
        was, bad = self.state.verdict, self.failed or self.warned
        agrees = {
            Verdict.UP: self.good and not self.failed,
            Verdict.DEGRADED: bad,
            Verdict.DOWN: self.failed and not self.good,
        }
        have = f"{len(self.votes)} of {len(self.voters)} workers vote"
        if self.rule.min_voters > 1:
            have += f", {self.rule.min_voters} are wanted"
        if agrees.get(was):
            agree = f"{have}, and agree" + (f": {_because(bad)}" if bad else "")
            return self._say(was, "too-few", agree)
        return self._say(Verdict.UNKNOWN, "too-few", f"too few to tell: {have}")

    def _say(self, verdict: Verdict, line: str, reason: str) -> Ground:
        warned, good = _ids(self.warned), _ids(self.good)
        ok = [w for w in good if w not in warned] if warned else good
        failed = tuple(_ids(self.failed))
        said = reason.removesuffix(": ")  # a vote may have come without its reason
        return Ground(
            verdict, line, said, self.voters, tuple(ok), tuple(warned), failed
        )

    def _name(self, number: int) -> str:
        worker = self.workers.get(number)
        if worker:
            return worker.name
        return "coordinator" if number == COORDINATOR else f"worker {number}"


def _warns(vote: Vote, state: "JobState") -> bool:
    """Tell whether a warning counts; the timings of a sick worker are void."""
    return vote.worker not in state.sick or vote.reason not in TIMINGS


def _confirmed(state: "JobState") -> bool:
    return state.repeats > len(REPEAT_AFTER_S)


def _ids(votes: Iterable[Vote]) -> list[int]:
    return [v.worker for v in votes]


def _because(votes: list[Vote]) -> str:
    """Return the reason that most of *votes* give."""
    said = [v.detail or v.reason for v in votes]
    return max(said, key=said.count) if said else ""
