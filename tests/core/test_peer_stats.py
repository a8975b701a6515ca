"""What is measured towards a peer, and what of it is told."""

import pytest

from pangea.core.offset import OffsetSample
from pangea.core.peer_stats import (
    LOSS_PINGS,
    LOST_S,
    PeerState,
    PeerStats,
    sound,
    worth_telling,
)

KEY = b"k" * 32


def answered(stats, rtts, begin=0.0):
    for index, rtt in enumerate(rtts):
        at = begin + index * 5.0
        stats.hear(stats.ask(at), OffsetSample(40, rtt), at + 0.01)


def test_a_pair_that_was_never_measured_says_nothing():
    stats = PeerStats()
    assert (stats.rtt_us, stats.loss, stats.offset_us) == (0, 0.0, 0)


def test_the_round_trip_is_the_median_so_one_slow_answer_does_not_show():
    stats = PeerStats()
    answered(stats, [900, 1000, 1100, 90_000, 1000])
    assert stats.rtt_us == 1000
    assert stats.offset_us == 40


def test_a_ping_without_an_answer_in_time_is_lost():
    stats = PeerStats()
    answered(stats, [1000] * 3)
    late = stats.ask(15.0)
    stats.expire(15.0 + LOST_S)
    assert stats.loss == 0.25
    assert not stats.hear(late, OffsetSample(0, 1), 19.0)
    assert stats.loss == 0.25


def test_an_answer_that_nobody_asked_for_is_no_sample():
    stats = PeerStats()
    assert not stats.hear(7, OffsetSample(0, 5), 1.0)
    number = stats.ask(1.0)
    assert stats.hear(number, OffsetSample(0, 5), 1.1)
    assert not stats.hear(number, OffsetSample(0, 900), 1.2)
    assert stats.rtt_us == 5


def test_old_losses_are_forgotten():
    stats = PeerStats()
    stats.ask(0.0)
    stats.expire(10.0)
    assert stats.loss == 1.0
    answered(stats, [1000] * LOSS_PINGS, begin=10.0)
    assert stats.loss == 0.0


def test_when_the_link_breaks_what_waits_is_lost_and_the_round_trip_unknown():
    stats = PeerStats()
    answered(stats, [1000] * 3)
    stats.ask(15.0)
    stats.broken()
    assert stats.loss == 0.25
    assert stats.rtt_us == 0


BASE = PeerState(KEY, linked=True, rtt_us=10_000, loss=0.0, offset_us=500)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, False),
        ({"rtt_us": 10_400}, False),
        ({"rtt_us": 12_000}, False),
        ({"rtt_us": 13_000}, True),
        ({"rtt_us": 7_000}, True),
        ({"loss": 0.02}, False),
        ({"loss": 0.05}, True),
        ({"offset_us": 4_000}, False),
        ({"offset_us": 9_000}, True),
        ({"linked": False}, True),
        ({"deaf": True}, True),
        ({"mute": True}, True),
        ({"dial": "refused"}, True),
        ({"path": "relay"}, True),
    ],
)
def test_only_what_is_more_than_noise_is_told(changes, told):
    fields = {name: getattr(BASE, name) for name in BASE.__struct_fields__}
    assert worth_telling(BASE, PeerState(**fields | changes)) is told


def test_the_first_word_on_a_peer_is_always_told():
    assert worth_telling(None, PeerState(KEY))


@pytest.mark.parametrize("rtt", [-5, 1 << 63])
@pytest.mark.parametrize("loss", [-1.0, 7.0, float("nan"), float("inf")])
@pytest.mark.parametrize("offset", [-(1 << 62), 1 << 62])
def test_numbers_from_outside_are_made_sound(rtt, loss, offset):
    state = sound(PeerState(KEY, True, rtt, loss, offset))
    assert 0 <= state.rtt_us <= 1 << 53
    assert state.loss == 0.0
    assert abs(state.offset_us) <= 1 << 53
