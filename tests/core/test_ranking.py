"""The worst jobs: as if all had been looked at closely."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from pangea.core.model import Outcome
from pangea.core.ranking import MOST_READ, Standing, lossiest, slowest
from pangea.core.rollup import Tally


class Jobs:
    """Jobs with some sums each, and what was read of them."""

    def __init__(self, sums):
        self.sums = sums
        self.read = set()

    def standings(self):
        return {
            job: Standing(
                ok=sum(b.ok for b in buckets),
                sum_us=sum(b.sum_us for b in buckets),
                max_us=max(b.max_us for b in buckets),
            )
            for job, buckets in self.sums.items()
        }

    def percentile(self, job):
        whole = Tally().close()
        for bucket in self.sums[job]:
            whole.merge(bucket)
        return whole.histogram.quantile(0.95)

    def percentiles(self, jobs):
        self.read |= set(jobs)
        return {job: self.percentile(job) for job in jobs}

    def tails(self, beyond_us):
        return {
            job: sum(
                1 + (b.sum_us - b.max_us) // int(beyond_us)
                for b in buckets
                if b.max_us > int(beyond_us)
            )
            for job, buckets in self.sums.items()
        }

    def slowest(self, limit):
        return slowest(self.standings(), limit, self.percentiles, self.tails)


def bucket(times_us):
    tally = Tally()
    for us in times_us:
        tally.add(Outcome.OK, 0, us)
    return tally.close()


TIMES = st.lists(st.integers(100, 10**7), min_size=1, max_size=30)


@settings(deadline=None)
@given(
    st.lists(st.lists(TIMES, min_size=1, max_size=4), min_size=1, max_size=25),
    st.integers(1, 6),
)
def test_the_slowest_are_those_that_reading_all_would_find(made, limit):
    jobs = Jobs({n: [bucket(t) for t in times] for n, times in enumerate(made, 1)})
    found = jobs.slowest(limit)
    every = sorted((-jobs.percentile(job), job) for job in jobs.sums)[:limit]
    assert [us for _, us in found.jobs] == [-us for us, _ in every]
    assert found.exact


def test_few_of_many_jobs_are_read():
    chance = random.Random(3)
    sums = {}
    for job in range(2000):
        near = chance.lognormvariate(10, 1)
        sums[job] = [
            bucket([round(near + chance.expovariate(1 / 2000)) for _ in range(10)])
            for _ in range(24)
        ]
        if chance.random() < 0.3:  # one slow answer says nothing of the rest
            sums[job][0].merge(bucket([9_000_000]))
    jobs = Jobs(sums)
    found = jobs.slowest(20)
    every = sorted(jobs.sums, key=lambda job: -jobs.percentile(job))[:20]
    assert [job for job, _ in found.jobs] == every
    assert len(jobs.read) < 100


def test_if_too_many_might_be_it_is_said():
    same = bucket([1000] * 19 + [900_000])
    jobs = Jobs({job: [same] for job in range(MOST_READ + 50)})
    found = jobs.slowest(5)
    assert len(found.jobs) == 5
    assert len(jobs.read) <= MOST_READ + 10


def test_jobs_without_any_time_are_not_slow():
    jobs = Jobs({1: [bucket([])], 2: [bucket([5])]})
    assert [job for job, _ in jobs.slowest(5).jobs] == [2]


def test_losing_is_by_packets_or_by_results_whichever_is_worse():
    standings = {
        1: Standing(ok=90, failed=10),
        2: Standing(ok=100, sent=500, lost=100),
        3: Standing(ok=50, failed=50, sent=250, lost=0),
        4: Standing(ok=100, sent=500),
        5: Standing(error=5),
        6: Standing(ok=9, failed=1),
    }
    assert lossiest(standings, 10) == [3, 2, 1, 6]
    assert lossiest(standings, 1) == [3]
