"""Somebody sets the coordinator's clock: no verdict may turn on that."""

import pytest

from pangea.coordinator.board import Board
from pangea.coordinator.heartbeats import Heartbeats
from pangea.coordinator.judging import Judging
from pangea.core.model import Job, Outcome, Result, Verdict, Worker
from pangea.core.verdict import JobState
from pangea.vault import Vault
from tests.mesh.fakes import Stillness

HOUR = 3600.0


class Settable(Stillness):
    set_by = 0.0

    def wall(self):
        return self.now + self.set_by


@pytest.fixture
def clock():
    return Settable()


@pytest.fixture
def judging(clock):
    board = Board()
    workers = [
        Worker(id=n, key=bytes([n]) * 32, name=f"w{n}", probes=("tcp",)) for n in (1, 2)
    ]
    job = Job(id=1, name="j", type="tcp", target="x:1", interval_s=30, timeout_s=5)
    board.load([job], workers, [JobState(1, electorate=(1, 2))])
    board.connected |= {1, 2}
    made = Judging(board, clock, lambda job, worker, delay_s: None)
    made.board = board
    made.hear([result(clock, 1), result(clock, 2)])
    return made


def result(clock, worker):
    at_us = round(clock.wall() * 1e6)
    return Result(
        job=1, started_at_us=at_us, duration_ms=1.0, outcome=Outcome.OK, worker=worker
    )


@pytest.mark.parametrize("step", [HOUR, -HOUR])
def test_votes_move_along_with_a_clock_that_is_set(judging, clock, step):
    clock.now += 1
    clock.set_by = step
    judging.expire()
    judging.hear([result(clock, 1)])
    assert judging.board.states[1].verdict is Verdict.UP


def test_a_vote_from_before_the_clock_went_back_ends_as_soon_as_ever(judging, clock):
    clock.set_by = -HOUR
    judging.expire()
    clock.now += 66
    judging.expire()
    assert not judging.board.states[1].votes


@pytest.mark.parametrize("step", [HOUR, -HOUR])
def test_nobody_has_missed_a_report_because_the_clock_was_set(clock, step):
    beats = Heartbeats(Vault(bytes(32)), clock)
    watched = Job(
        id=7,
        name="b",
        type="heartbeat",
        target="backup",
        interval_s=60.0,
        timeout_s=10.0,
    )
    beats.put(watched, clock.wall())
    clock.set_by = step
    clock.now += 80
    assert beats.missed({7: watched}.get) == []
    clock.now += 11
    assert len(beats.missed({7: watched}.get)) == 1
