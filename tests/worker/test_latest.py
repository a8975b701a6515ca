"""What is kept to be told while results cannot be sent."""

from pangea.storage.spool import Row
from pangea.worker.latest import ON_ITS_WAY_S, Latest


def of(job, number):
    return Row(job, number, b"", 0, 0, number)


def test_the_newest_of_each_job_is_told_once():
    latest = Latest()
    for row in (of(1, 1), of(2, 2), of(1, 3)):
        latest.put(row)
    assert sorted(latest.take()) == [of(1, 3), of(2, 2)]
    assert latest.take() == []


def test_what_flows_is_forgotten_only_when_it_is_surely_on_its_way():
    latest, now = Latest(), 100.0
    latest.flows(now)
    latest.put(of(1, 1))
    latest.flows(now + ON_ITS_WAY_S / 2)
    latest.flows(now + ON_ITS_WAY_S)
    latest.put(of(2, 2))
    latest.flows(now + ON_ITS_WAY_S + 1)
    assert sorted(latest.take()) == [of(1, 1), of(2, 2)]
    latest.put(of(1, 3))
    latest.flows(now + 2 * ON_ITS_WAY_S)
    latest.flows(now + 3 * ON_ITS_WAY_S)
    assert latest.take() == []
