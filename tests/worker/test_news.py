"""News leaves soon; where much happens, ten times a second and all at the same time."""

import random

import pytest

from pangea.worker.news import AT_ONCE, GAP_S, NEWS_S, Pace

T0 = 1_800_000_000.0


def leaves(moments, pace=None):
    """Return when groups leave of news that comes at *moments*."""
    pace, left = pace or Pace(), []
    for at in moments:
        if left and at <= left[-1]:
            continue  # it goes with the group that waits
        left.append(at + pace.wait_s(at))
        pace.left(left[-1])
    return left


def test_a_little_news_leaves_at_once():
    moments = [T0 + n * 0.03 for n in range(AT_ONCE)]
    assert leaves(moments) == pytest.approx([at + NEWS_S for at in moments])


def test_news_now_and_then_leaves_at_once_for_ever():
    moments = [T0 + n * 0.15 for n in range(500)]
    assert leaves(moments) == pytest.approx([at + NEWS_S for at in moments])


@pytest.mark.parametrize("seed", range(20))
def test_much_news_leaves_ten_times_a_second_and_none_waits_longer(seed):
    chance, moments, at = random.Random(seed), [], T0
    while at < T0 + 60:
        moments.append(at)
        at += chance.expovariate(40)
    pace, left = Pace(), [0.0]
    for at in moments:
        if at > left[-1]:
            left.append(at + pace.wait_s(at))
            pace.left(left[-1])
        assert 0 <= left[-1] - at <= GAP_S + NEWS_S + 1e-6
    assert len(left) - 1 <= 60 / GAP_S + AT_ONCE + 2


def test_workers_with_much_news_send_at_the_same_moments():
    london = leaves([T0 + n * 0.013 for n in range(4000)])
    paris = leaves([T0 + 3 + n * 0.017 for n in range(3000)])
    steady = {round(at, 6) for at in london if at > T0 + 10}
    shared = [at for at in paris if round(at, 6) in steady]
    assert len(shared) > 0.8 * len([at for at in paris if at > T0 + 10])


def test_a_clock_that_was_set_back_delays_news_by_no_more_than_a_tenth():
    pace = Pace()
    leaves([T0 + n * 0.01 for n in range(1000)], pace)
    moments = [T0 - 86_400 + n * 0.5 for n in range(20)]
    late = [left - at for at, left in zip(moments, leaves(moments, pace), strict=True)]
    assert max(late) <= GAP_S + NEWS_S + 1e-6
    assert late[-1] == pytest.approx(NEWS_S, abs=1e-6)
