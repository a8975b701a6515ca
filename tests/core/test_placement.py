"""Where jobs run."""

import pytest
from msgspec.structs import replace

from pangea.core.errors import UsageError
from pangea.core.model import Job, Worker
from pangea.core.placement import check_on, place

JOB = Job(id=1, name="j", type="http", target="x", interval_s=30, timeout_s=10)


def worker(number, name, **more):
    said = {"probes": ("http", "icmp"), **more}
    return Worker(id=number, key=bytes([number] * 32), name=name, **said)


WORKERS = [
    worker(1, "hel", tags={"site": "fi"}),
    worker(2, "nyc", tags={"site": "us"}, lacks={"icmp": "no right"}),
    worker(3, "old", probes=("icmp",)),
    worker(4, "gone", state="revoked"),
]


@pytest.mark.parametrize(
    ("on", "names"),
    [
        pytest.param("all", ["hel", "nyc"], id="all that can"),
        pytest.param("nyc", ["nyc"], id="by name"),
        pytest.param("nyc,hel", ["hel", "nyc"], id="by names"),
        pytest.param("tag:site=fi", ["hel"], id="by tag"),
        pytest.param("gone", [], id="never one that is revoked"),
        pytest.param("count:9", ["hel", "nyc"], id="as many as there are"),
    ],
)
def test_where_a_job_runs(on, names):
    assert [w.name for w in place(replace(JOB, on=on), WORKERS).workers] == names


def test_what_cannot_run_says_why():
    pinged = place(replace(JOB, type="icmp"), WORKERS)
    fetched = place(JOB, WORKERS)

    assert pinged.refused == {"nyc": "no right"}
    assert fetched.refused == {"old": "its version has no http probe"}


def test_a_stopped_job_runs_nowhere_and_a_stopped_worker_is_left_out():
    assert place(replace(JOB, enabled=False), WORKERS).workers == ()
    assert [
        w.name for w in place(replace(JOB, stopped_on=("hel",)), WORKERS).workers
    ] == ["nyc"]


def test_counting_moves_as_few_jobs_as_possible():
    many = [worker(n, f"w{n}") for n in range(1, 11)]
    jobs = [replace(JOB, id=n, on="count:2") for n in range(1, 501)]
    before = {j.id: {w.id for w in place(j, many).workers} for j in jobs}
    after = {j.id: {w.id for w in place(j, many[:-1]).workers} for j in jobs}

    for job in jobs:
        kept = before[job.id] - {10}
        assert kept <= after[job.id], "only what ran on the one that left moves"


@pytest.mark.parametrize(
    "on", ["", "count:0", "count:x", "tag:", "tag:a", "what:1", ","]
)
def test_nonsense_is_refused(on):
    with pytest.raises(UsageError):
        check_on(on)
