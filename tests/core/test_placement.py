"""Where jobs run."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pangea.core.errors import UsageError
from pangea.core.model import Job, Worker
from pangea.core.placement import check_on, follow, place, settled

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


@pytest.mark.parametrize(
    ("more", "lack"),
    [
        pytest.param({"target": "https://[2001:db8::1]/"}, "ipv6", id="a URL"),
        pytest.param({"target": "2001:db8::1"}, "ipv6", id="an address"),
        pytest.param({"target": "[2001:db8::1]:443"}, "ipv6", id="with a port"),
        pytest.param({"options": {"family": "ipv6"}}, "ipv6", id="by option"),
        pytest.param({"options": {"http2": "require"}}, "http2", id="HTTP/2"),
    ],
)
def test_what_only_some_jobs_need_keeps_only_those_away(more, lack):
    lacking = worker(1, "hel", lacks={lack: f"no {lack} here"})
    needing = place(replace(JOB, **more), [lacking])
    assert needing.workers == ()
    assert needing.refused == {"hel": f"no {lack} here"}
    assert [w.name for w in place(JOB, [lacking]).workers] == ["hel"]


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"target": "https://example.com:8443/a:b:c"}, id="a long URL"),
        pytest.param({"target": "example.com:25"}, id="a port"),
        pytest.param({"options": {"family": "any", "http2": "auto"}}, id="either"),
    ],
)
def test_what_is_not_needed_keeps_nobody_away(more):
    lacking = worker(1, "hel", lacks={"ipv6": "none", "http2": "none"})
    assert place(replace(JOB, **more), [lacking]).refused == {}


def test_what_a_worker_said_that_it_cannot_ask_is_not_sent_to_it():
    placed = place(JOB, WORKERS, cannot={(JOB.id, 1): "no such option"})
    assert [w.name for w in placed.workers] == ["nyc"]
    assert placed.refused["hel"] == "no such option"


# counted jobs: away, draining, and moving

COUNTED = replace(JOB, on="count:2")
MANY = [worker(n, f"w{n}") for n in range(1, 8)]
EVERYBODY = frozenset(w.id for w in MANY)
SOME = st.frozensets(st.integers(1, 7))


@given(st.integers(1, 500), SOME, SOME)
def test_those_that_are_away_or_drain_are_the_last_choice(number, away, draining):
    workers = [replace(w, draining=w.id in draining) for w in MANY]
    chosen = set(place(replace(COUNTED, id=number), workers, away).slots)
    assert len(chosen) == 2
    for group in (away, away | draining):
        better = EVERYBODY - group
        assert len(chosen & better) == min(2, len(better))


def test_what_runs_everywhere_or_by_name_does_not_care_who_is_away():
    everywhere = place(JOB, MANY, away=EVERYBODY)
    assert set(everywhere.slots) == EVERYBODY


@given(st.integers(1, 500), SOME, SOME, SOME)
def test_a_move_keeps_the_grid_and_makes_before_it_breaks(number, first, second, here):
    job = replace(COUNTED, id=number)
    before = place(job, MANY, first)
    after = follow(before, place(job, MANY, second), here)

    assert sorted(after.slots.values()) == [0, 1]
    for stays in before.slots.keys() & after.slots.keys():
        assert after.slots[stays] == before.slots[stays]
    came = after.slots.keys() - before.slots.keys()
    left = before.slots.keys() - after.slots.keys()
    assert set(after.takes) <= came
    assert set(after.takes.values()) == left & here
    for new, old in after.takes.items():
        assert after.slots[new] == before.slots[old] == after.running[old]
    assert len(after.seats) == 2
    assert set(after.seats) == (after.slots.keys() - set(after.takes)) | (left & here)


@given(st.integers(1, 500), st.lists(SOME, max_size=8), SOME)
def test_however_often_it_moves_the_seats_are_as_many_and_settle(number, aways, here):
    job = replace(COUNTED, id=number)
    placed = place(job, MANY)
    for away in aways:
        placed = follow(placed, place(job, MANY, away), here)
        assert len(placed.slots) == len(set(placed.seats)) == 2
        assert not set(placed.takes.values()) & placed.slots.keys()
        assert set(placed.takes.values()) <= here
    for new in list(placed.takes):
        placed = settled(placed, new)
    assert placed.running == placed.slots
    assert set(placed.seats) == set(placed.slots)


def test_who_comes_back_before_its_successor_began_has_never_left():
    start = place(COUNTED, MANY)
    gone = min(start.slots)
    moved = follow(start, place(COUNTED, MANY, {gone}), EVERYBODY)
    assert gone in moved.takes.values()
    back = follow(moved, place(COUNTED, MANY), EVERYBODY)
    assert (back.slots, back.takes) == (start.slots, {})


def test_another_number_of_workers_makes_another_grid():
    two, three = place(COUNTED, MANY), place(replace(COUNTED, on="count:3"), MANY)
    assert follow(two, three, EVERYBODY) == three
