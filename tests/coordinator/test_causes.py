"""What jobs that fail may share, as far as the board and their results know."""

import pytest
from msgspec.structs import replace

from pangea.coordinator.board import Board
from pangea.coordinator.causes import Causes, host_of
from pangea.core.model import Job, Outcome, Result, VoteValue, Worker
from pangea.core.verdict import JobState
from pangea.core.votes import Vote


def a_job(number=1, **more):
    said = {
        "id": number,
        "name": f"job-{number}",
        "type": "tcp",
        "target": "example.com:80",
        "interval_s": 30.0,
        "timeout_s": 5.0,
    }
    return Job(**said | more)


def failing(*workers, good=(), reason="refused", job=1):
    votes = {w: Vote(w, VoteValue.FAILED, 1.0, 9.0, reason=reason) for w in workers}
    votes |= {w: Vote(w, VoteValue.OK, 1.0, 9.0) for w in good}
    return JobState(job, electorate=tuple(votes), votes=votes)


def failed(job=1, **readings):
    return Result(
        job=job,
        started_at_us=1,
        duration_ms=1.0,
        outcome=Outcome.FAILED,
        readings=readings,
    )


def told(causes, job, state):
    return [(cause.kind, cause.value) for cause in causes.of(job, state)]


@pytest.fixture
def board():
    made = Board()
    for number, name in ((1, "hel"), (2, "nyc")):
        made.workers[number] = Worker(id=number, key=bytes([number]) * 32, name=name)
    return made


def test_what_is_reached_though_it_must_not_be_is_an_outage_of_its_own_kind(causes):
    job = a_job(target="10.8.0.7:80", expect="fail")
    assert told(causes, job, failing(1)) == [("breach", "10.8.0.0/24")]


def test_what_one_worker_fails_and_another_reaches_is_no_outage_of_a_network(causes):
    job = a_job(target="10.8.0.7:80")
    assert told(causes, job, failing(1, good=(2,))) == [("worker", "hel")]
    late = failing(1, good=(2,))
    late.votes[2] = replace(late.votes[2], at=0.5)
    kinds = [kind for kind, _ in told(causes, job, late)]
    assert kinds == ["subnet", "worker"], "nobody else has looked yet"


@pytest.fixture
def causes(board):
    return Causes(board)


@pytest.mark.parametrize(
    ("type_", "target", "host"),
    [
        ("tcp", "10.8.0.7:80", "10.8.0.7"),
        ("tcp", "[2001:db8::7]:80", "2001:db8::7"),
        ("icmp", "10.8.0.7", "10.8.0.7"),
        ("http", "https://10.8.0.7:8443/x?y", "10.8.0.7"),
        ("http", "10.8.0.7", "10.8.0.7"),
        ("heartbeat", "no host at all", ""),
    ],
)
def test_the_host_of_a_target_is_found(type_, target, host):
    assert host_of(a_job(type=type_, target=target)) == host


def test_a_name_has_the_network_of_the_address_that_failed(causes):
    job = a_job()
    assert told(causes, job, failing(1, 2)) == []
    causes.heard([failed(address="10.8.0.7"), failed(2, address="10.9.0.7")])
    assert told(causes, job, failing(1, 2)) == [("subnet", "10.8.0.0/24")]
    causes.forget(1)
    assert told(causes, job, failing(1, 2)) == []


def test_good_results_and_hostile_readings_say_nothing(causes):
    good = Result(
        job=1,
        started_at_us=1,
        duration_ms=1.0,
        outcome=Outcome.OK,
        readings={"address": "10.8.0.7"},
    )
    causes.heard([good, failed(address=["x"], issuer={"a": 1}), failed(address="%/")])
    assert told(causes, a_job(), failing(1, 2)) == []


def test_an_issuer_counts_if_it_is_the_certificate_that_fails(causes):
    causes.heard([failed(issuer="CN=Old CA\x1b[2J")])
    expired = failing(1, 2, reason="cert_expired")
    assert told(causes, a_job(), expired) == [("issuer", "CN=Old CA\\x1b[2J")]
    assert told(causes, a_job(), failing(1, 2, reason="refused")) == []


def test_name_servers_count_if_names_fail_or_they_are_what_is_asked(causes):
    web = a_job(type="http", target="https://a.example", options={"resolver": "::1"})
    assert told(causes, web, failing(1, 2)) == []
    lost = failing(1, 2, reason="resolver_failed")
    assert told(causes, web, lost) == [("resolver", "::1")]
    dns = a_job(type="dns", target="a.example", options={"resolver": ["a", "b"]})
    assert told(causes, dns, failing(1, 2)) == [("resolver", "a, b")]


def test_the_only_worker_that_fails_counts_where_there_are_others(board, causes):
    assert told(causes, a_job(), failing(1, good=(2,))) == [("worker", "hel")]
    assert told(causes, a_job(), failing(1)) == [("worker", "hel")]
    del board.workers[2]
    assert told(causes, a_job(), failing(1)) == []


def test_parents_count_and_so_does_being_one(board, causes):
    parent, child = a_job(1), a_job(2, depends_on=(1,))
    board.put_job(parent)
    board.put_job(child)
    assert told(causes, child, failing(1, 2, job=2)) == [("dependency", "job-1")]
    assert told(causes, parent, failing(1, 2)) == [("dependency", "job-1")]
