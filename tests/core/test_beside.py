"""Packets and phases, summed up exactly however they are cut into pieces."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.beside import KNOWN, MOST_PHASES, Beside, tells
from pangea.core.errors import StorageError
from pangea.core.model import Flag, Outcome
from tests.storage.made import result

NAMES = st.sampled_from([*KNOWN, "of a plugin", "ä"])
RUNS = st.lists(
    st.tuples(
        st.sampled_from(list(Outcome)),
        st.sampled_from([0, int(Flag.WARN), int(Flag.SICK)]),
        st.dictionaries(NAMES, st.floats(0, 1e6), max_size=4),
        st.fixed_dictionaries(
            {}, optional={"sent": st.integers(0, 9), "received": st.integers(0, 9)}
        ),
    ),
    max_size=30,
)


def summed(runs):
    beside = Beside()
    for run in runs:
        beside.add(*run)
    return beside


@given(RUNS, RUNS)
def test_two_halves_merged_are_the_whole(one, two):
    merged = summed(one)
    merged.merge(summed(two))
    assert merged == summed(one + two)


@given(RUNS)
def test_what_is_packed_comes_back(runs):
    beside = summed(runs)
    packed = beside.pack()
    if packed is None:
        assert beside == Beside()
    else:
        assert Beside.unpack(packed) == beside


@given(RUNS)
def test_the_means_are_those_of_the_good_results(runs):
    beside = summed(runs)
    good = [
        phases
        for outcome, flags, phases, _ in runs
        if outcome is Outcome.OK and not flags & Flag.SICK and len(phases) > 1
    ]
    for name, mean in beside.phases_ms.items():
        took = [phases[name] for phases in good if name in phases]
        assert mean == pytest.approx(sum(took) / len(took), abs=0.002)
    assert set(beside.phases_ms) == {name for phases in good for name in phases}


def test_lost_packets_count_of_failures_too_but_not_of_errors():
    beside = summed(
        [
            (Outcome.OK, 0, {"rtt": 1.0}, {"sent": 5, "received": 4}),
            (Outcome.FAILED, 0, {}, {"sent": 5, "received": 0}),
            (Outcome.ERROR, 0, {}, {"sent": 5, "received": 0}),
            (Outcome.OK, int(Flag.SICK), {}, {"sent": 5, "received": 0}),
        ]
    )
    assert (beside.sent, beside.lost, beside.loss_pct) == (10, 6, 60.0)
    assert beside.phases_ms == {}, "the only phase is the duration"


@pytest.mark.parametrize(
    "readings",
    [{"sent": 3}, {"sent": 3, "received": 4}, {"sent": "3", "received": 1},
     {"sent": True, "received": False}, {"sent": 1 << 40, "received": 0}],
    ids=str,
)  # fmt: skip
def test_numbers_of_packets_that_are_none_count_nothing(readings):
    assert summed([(Outcome.OK, 0, {}, readings)]).loss_pct is None


def test_phases_are_told_in_the_order_of_one_run():
    phases = {"odd": 1.0, "transfer": 1.0, "tls": 2.5, "resolve": 0.5}
    told = summed([(Outcome.OK, 0, phases, {})]).phases_ms
    assert list(told) == ["resolve", "tls", "transfer", "odd"]
    assert told["tls"] == 2.5


def test_of_a_plugin_that_names_phases_without_end_some_are_kept():
    phases = {f"phase {n}": 1.0 for n in range(100)} | {"x" * 1000: 1.0}
    beside = summed([(Outcome.OK, 0, phases, {})])
    assert len(beside.phases) == MOST_PHASES
    assert len(beside.pack()) < 600


@given(st.binary(max_size=40))
def test_bytes_of_anybody_are_refused_or_read_and_never_break(packed):
    with suppress(StorageError):
        Beside.unpack(packed)


def test_a_ping_of_one_packet_without_readings_tells_nothing():
    assert not tells(result(phases={"rtt": 1.0}))
    assert tells(result(phases={"connect": 1.0, "tls": 2.0}))
    assert tells(result(phases={"rtt": 1.0}, readings={"sent": 1, "received": 1}))
