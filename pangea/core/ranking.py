"""Which jobs are the worst, without looking closely at all of them.

Shares and counts are in the sums. A percentile is in the histograms, which are dear to
read, so they are read of those jobs alone that can be among the slowest: a few are
looked at first, and who else can be slower than those is told by the sums.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec import Struct

#: Jobs are ranked by the 95th percentile: a twentieth of the results is slower. Half of
#: that is looked for, as results without a time are counted as well.
TAIL = 0.05 / 2
#: A percentile is off by so much.
SLACK = 1.02
#: Jobs whose histograms are read at most.
MOST_READ = 400


class Standing(Struct, kw_only=True):
    """The sums of one job over a stretch; ``sent`` and ``lost`` are packets."""

    ok: int = 0
    failed: int = 0
    error: int = 0
    warn: int = 0
    sum_us: int = 0
    max_us: int = 0
    sent: int = 0
    lost: int = 0

    @property
    def loss(self) -> float:
        """The share of packets lost, or of results that failed: the greater."""
        judged = self.ok + self.failed
        failed = self.failed / judged if judged else 0.0
        return max(failed, self.lost / self.sent if self.sent else 0.0)

    @property
    def mean_us(self) -> float:
        """The mean of good results, a little low if some of them have no time."""
        return self.sum_us / self.ok if self.ok else 0.0

    @property
    def ceiling_us(self) -> float:
        """What the 95th percentile cannot exceed (by Markov's inequality)."""
        return SLACK * min(float(self.max_us), self.mean_us / TAIL)


def lossiest(standings: Mapping[int, Standing], limit: int) -> list[int]:
    """Return the jobs that lose or fail most, the worst first; none that never does."""
    losing = {job: s for job, s in standings.items() if s.loss}
    return sorted(
        losing, key=lambda job: (-losing[job].loss, -losing[job].failed, job)
    )[:limit]


class Slowest(Struct, frozen=True):
    """Jobs by their 95th percentile in microseconds, the slowest first.

    ``exact`` is false if more might have been among them than are read.
    """

    jobs: list[tuple[int, float]]
    exact: bool


def slowest(
    standings: Mapping[int, Standing],
    limit: int,
    percentiles: Callable[[Sequence[int]], Mapping[int, float]],
    tails: Callable[[float], Mapping[int, int]],
) -> Slowest:
    """Return the slowest jobs.

    ``percentiles(jobs)`` reads the 95th percentile of jobs, ``tails(us)`` tells of
    each job how many results can be slower than that at most.
    """
    timed = {job: s for job, s in standings.items() if s.sum_us or s.max_us}
    by_mean = sorted(timed, key=lambda job: (-timed[job].mean_us, job))
    known = dict(percentiles(by_mean[: 2 * limit]))
    least = _last(known.values(), limit)
    others = [j for j in by_mean[2 * limit :] if timed[j].ceiling_us > least]
    if others and least:
        beyond = tails(least / SLACK)
        others = [j for j in others if beyond.get(j, 0) > TAIL * timed[j].ok]
    others.sort(key=lambda job: (-timed[job].ceiling_us, job))
    known |= percentiles(others[:MOST_READ])
    ranked = sorted(known.items(), key=lambda entry: (-entry[1], entry[0]))
    return Slowest(ranked[:limit], exact=len(others) <= MOST_READ)


def _last(values: Iterable[float], limit: int) -> float:
    """Return the last of the *limit* greatest values, 0 if there are fewer."""
    ranked = sorted(values, reverse=True)
    return ranked[limit - 1] if len(ranked) >= limit else 0.0
