"""What happens in the demo, second by second."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.demo.cluster import job_of
from pangea.demo.story import PLACES, ROUND_S, TARGETS, cut, delay_s, state
from pangea.demo.targets import Targets

BY_NAME = {target.name: target for target in TARGETS}
#: What `pangea demo` says of itself.
TOLD = [
    pytest.param("shop", 15, 50, "broken", id="an outage"),
    pytest.param("search", 20, 90, "slow", id="a slow spell"),
    pytest.param("api", 130, 160, "gone", id="a server that is gone"),
    pytest.param("db-primary", 132, 160, "gone", id="and another with it"),
]


@pytest.mark.parametrize(("name", "begin", "end", "how"), TOLD)
def test_a_target_is_unwell_when_it_was_told(name, begin, end, how):
    target = BY_NAME[name]
    seen = [state(target, second) for second in (begin - 1, begin, end - 1, end)]
    assert seen == ["well", how, how, "well"]


@given(st.integers(0, 10_000), st.sampled_from(TARGETS))
def test_each_round_is_as_the_one_before(second, target):
    assert state(target, second) == state(target, second + ROUND_S)
    assert cut(second) == cut(second + ROUND_S)


@given(st.floats(0, 1), st.sampled_from(TARGETS))
def test_a_target_that_is_well_is_quick(chance, target):
    assert 0 < delay_s(target, 0, chance) < 0.1


@given(st.floats(0, 1))
def test_a_slow_one_passes_its_threshold_and_not_its_timeout(chance):
    assert 0.2 < delay_s(BY_NAME["search"], 30, chance) < 1


def test_one_worker_is_cut_off_while_the_others_see_everything_well():
    well = [second for second in range(90, 110) if cut(second)]
    assert well
    assert {state(target, s) for target in TARGETS for s in well} == {"well"}


def test_every_target_gets_a_job_of_its_own(tmp_path):
    targets = Targets(tmp_path)
    targets.ports = {target.name: 1 for target in TARGETS}
    jobs = [job_of(target, targets) for target in TARGETS]
    assert len({job["name"] for job in jobs}) == len(TARGETS)
    assert {job["type"] for job in jobs} == {"http", "tls", "tcp", "dns"}
    assert len(PLACES) == 5
