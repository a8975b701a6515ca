"""A change that comes in parts is one change."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.errors import ProtocolError
from pangea.core.model import Assignment
from pangea.mesh.messages import Desired
from pangea.worker import parts
from pangea.worker.parts import Parts


def to_do(job, timeout_s=1.0):
    return Assignment(job, "tcp", "127.0.0.1:9", 60.0, timeout_s, 0.0, {})


def after(held, desired):
    """Return *held* with *desired* applied, as a worker does."""
    held = {} if desired.base is None else dict(held)
    for job in desired.drop:
        held.pop(job, None)
    return held | {a.job: a for a in desired.put}


jobs = st.lists(st.integers(1, 6), max_size=4)


@given(
    st.sampled_from([None, 7]),
    st.lists(st.tuples(jobs, jobs), min_size=1, max_size=5),
)
def test_the_parts_together_do_what_they_do_one_by_one(base, changes):
    gathered, one_by_one = Parts(), {1: to_do(1, 9.0), 2: to_do(2, 9.0)}
    begin, whole, before = dict(one_by_one), None, base
    for number, (put, drop) in enumerate(changes):
        version = 8 + number
        orders = tuple(to_do(job, number / 8) for job in put)
        more = number < len(changes) - 1
        part = Desired(version, before, orders, tuple(drop), more)
        one_by_one = after(one_by_one, part)
        whole = gathered.add(part)
        assert (whole is None) == more
        before = version

    assert (whole.version, whole.base) == (7 + len(changes), base)
    assert after(begin, whole) == one_by_one


def test_a_part_that_does_not_follow_begins_anew():
    gathered = Parts()
    gathered.add(Desired(1, None, (to_do(1),), more=True))
    whole = gathered.add(Desired(9, 8, (to_do(2),)))

    assert whole == Desired(9, 8, (to_do(2),))


def test_parts_without_end_are_refused(monkeypatch):
    monkeypatch.setattr(parts, "MOST_ASSIGNMENTS", 1000)
    gathered = Parts()
    some = tuple(to_do(job) for job in range(1000))
    gathered.add(Desired(1, None, some, more=True))
    with pytest.raises(ProtocolError, match="assignments"):
        gathered.add(Desired(2, 1, (to_do(1000),), more=True))
