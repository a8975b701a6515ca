"""What others may take over is probed only while the coordinator says so."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pangea.core.liveness import LEASE_S
from pangea.worker.lease import Lease
from tests.mesh.fakes import Stillness
from tests.worker.test_prober import (  # noqa: F401 (fixtures)
    assignment,
    port,
    prober,
    until,
)


def lease_at(now=100.0):
    clock = Stillness(now)
    return clock, Lease(clock)


def test_at_first_nothing_is_leased():
    _, lease = lease_at()
    assert not lease.held


def test_it_counts_from_the_question_not_from_the_answer():
    clock, lease = lease_at()
    lease.ask(1)
    clock.now += 20.0
    lease.renew(1, LEASE_S)
    clock.now += LEASE_S - 20.0 - 0.1
    assert lease.held
    clock.now += 0.2
    assert not lease.held


def test_each_answer_renews_it():
    clock, lease = lease_at()
    for question in range(20):
        lease.ask(question)
        lease.renew(question, LEASE_S)
        clock.now += 5.0
        assert lease.held


def test_an_answer_to_what_was_not_asked_gives_nothing():
    _, lease = lease_at()
    lease.renew(1, LEASE_S)
    lease.ask(2)
    lease.renew(3, LEASE_S)
    assert not lease.held


def test_a_coordinator_that_knows_no_leases_gives_none():
    _, lease = lease_at()
    lease.ask(1)
    lease.renew(1, 0.0)
    assert not lease.held


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_no_answer_gives_more_than_a_lease(seconds):
    clock, lease = lease_at()
    lease.ask(1)
    lease.renew(1, seconds)
    clock.now += LEASE_S
    assert not lease.held


def test_a_late_answer_to_an_old_question_takes_nothing_away():
    clock, lease = lease_at()
    lease.ask(1)
    clock.now += 10.0
    lease.ask(2)
    lease.renew(2, LEASE_S)
    lease.renew(1, LEASE_S)
    clock.now += LEASE_S - 1.0
    assert lease.held


async def test_without_a_lease_only_what_is_not_leased_is_probed(prober, port):  # noqa: F811
    prober.apply([assignment(1, port), replace(assignment(2, port), leased=True)])
    prober.run_now(2)
    await until(lambda: len(prober.results) >= 2)
    assert {r.job for r in prober.results} == {1}

    prober.lease.ask(1)
    prober.lease.renew(1, LEASE_S)
    await until(lambda: {r.job for r in prober.results} == {1, 2})
