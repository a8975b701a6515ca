"""The comparison of what was measured with what is promised."""

import pytest

from tests.bench.__main__ import BENCHES
from tests.bench.check import judge
from tests.bench.musts import MUSTS, Floor, Must

SMALL = Must("row", "says", "bench", "figure", 10, stretch=5)
LARGE = Must("row", "says", "bench", "figure", 10, stretch=20, at_least=True)


@pytest.mark.parametrize(
    ("must", "value", "word"),
    [
        pytest.param(SMALL, 10, "ok", id="at the limit"),
        pytest.param(SMALL, 10.1, "MISS", id="beyond the limit"),
        pytest.param(SMALL, 4, "stretch", id="better than hoped"),
        pytest.param(SMALL, float("nan"), "MISS", id="no number"),
        pytest.param(SMALL, None, "not measured", id="nothing"),
        pytest.param(LARGE, 9, "MISS", id="too few"),
        pytest.param(LARGE, 10, "ok", id="just enough"),
    ],
)
def test_a_figure_is_judged_by_its_limit(must, value, word):
    benches = {"bench": {"figures": {"figure": value}}}
    assert judge(must, benches)[0] == word


def test_what_was_skipped_is_told_and_is_a_miss_where_all_must_run(monkeypatch):
    benches = {"bench": {"figures": {"skipped": "fping is missing"}}}
    monkeypatch.delenv("PANGEA_TEST_ALL", raising=False)
    assert judge(SMALL, benches) == ("skipped", "fping is missing")
    monkeypatch.setenv("PANGEA_TEST_ALL", "1")
    assert judge(SMALL, benches)[0] == "broken"


@pytest.mark.parametrize(("peer", "limit"), [(36, 35), (72, 70), (18, 35), (None, 35)])
def test_a_limit_grows_with_what_a_peer_costs_on_a_slower_machine(peer, limit):
    must = Must("row", "says", "bench", "core", 35, floor=Floor("peer_us", 36))
    assert must.on({"peer_us": peer} if peer else {}).limit == limit


def test_a_bench_that_never_ran_is_not_measured():
    assert judge(SMALL, {})[0] == "not measured"


def test_every_promise_names_a_bench():
    assert {must.bench for must in MUSTS} <= BENCHES.keys()
