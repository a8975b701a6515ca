"""Small crowds at a real coordinator: the benches of the mesh, in short."""

import pytest

from tests.bench import flood, handshakes, live, many_workers

pytestmark = pytest.mark.alone


def test_a_small_crowd_comes_back_and_loses_nothing():
    found = many_workers.measure(40, watch_s=1.0, make_s=2.0)

    assert found["made"] > 40
    assert found["stored"] == found["made"]
    assert found["back_s"] < 30


def test_workers_join_while_strangers_flood_the_door():
    found = flood.measure(4.0, 50, calm_s=1.0)

    assert found["forged_per_s"] > 100
    assert found["join_longest_s"] < 15


def test_a_handshake_takes_no_longer_than_it_may():
    assert handshakes.measure(50)["handshakes_per_core_s"] > 100


def test_every_open_page_is_told_of_every_change():
    # It ends with what is wrong if one page missed one change.
    found = live.measure(30, 3.0, warm_s=3.0)

    assert found["pages"] == 30
    assert found["late_worst_s"] > 0
