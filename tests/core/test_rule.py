"""The text of a rule, and how many failures of how many voters it wants."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.errors import UsageError
from pangea.core.job_rule import rule_for
from pangea.core.model import Job, Worker
from pangea.core.quorum import Quorum
from pangea.core.rule import Rule, canonical, format_rule, parse_rule


def test_a_rule_is_a_quorum_and_terms_in_any_order():
    rule = parse_rule("2x3 jitter=20ms up=4 down=3 latency=0.5s loss=10% days=14")

    assert rule.quorum == Quorum("regions", 3, regions=2)
    assert (rule.down_rounds, rule.up_rounds) == (3, 4)
    assert (rule.latency_ms, rule.jitter_ms) == (500.0, 20.0)
    assert (rule.loss_pct, rule.days) == (10.0, 14.0)


def test_terms_alone_are_a_majority():
    assert parse_rule("latency=2s").quorum == Quorum()
    assert parse_rule("") == Rule()


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("majority", "majority"),
        ("  any   up=1 ", "any up=1"),
        ("up=3 down=2", "down=2 up=3"),
        ("60% latency=1m", "60% latency=60000ms"),
        ("2x2 slower=2.5x confirm=off", "2x2 slower=2.5x confirm=off"),
        ("latency=off", "latency=off"),
        ("", ""),
    ],
)
def test_a_rule_has_one_way_to_be_written(text, written):
    assert canonical(text) == written
    assert canonical(written) == written


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("most", "majority, any, all"),
        ("latency", "latency=500ms"),
        ("any latancy=5ms", "did you mean 'latency'?"),
        ("majority any", "comes first"),
        ("majority down=0", "down=2"),
        ("majority down=²", "down=2"),
        ("majority latency=fast", "latency=500ms"),
        ("majority latency=0s", "latency=500ms"),
        ("majority slower=1x", "slower=3x"),
        ("majority loss=nan", "loss=10%"),
        ("majority loss=101%", "loss=10%"),
        ("majority confirm=maybe", "confirm=off"),
        ("majority up=2 up=3", "twice"),
        ("latency=200", "say 200ms or 200s"),
        ("majority jitter=0.5", "say 0.5ms or 0.5s"),
        ("0", "majority, any, all"),
        ("0x2", "majority, any, all"),
        ("101%", "majority, any, all"),
        ("any " + "x" * 400, "too long"),
    ],
)
def test_what_is_wrong_is_named_with_a_way_out(text, says):
    with pytest.raises(UsageError) as caught:
        parse_rule(text)
    assert says in f"{caught.value} {caught.value.hint}"


def test_hostile_text_is_not_said_again_as_it_is():
    with pytest.raises(UsageError) as caught:
        parse_rule("any \x1b[31mred=1")
    assert "\x1b" not in str(caught.value)


def test_a_job_says_what_differs_from_the_default():
    rule = parse_rule("up=5 latency=off", "any latency=2s loss=5%")

    assert rule.quorum == Quorum("any")
    assert (rule.up_rounds, rule.latency_ms, rule.loss_pct) == (5, None, 5.0)
    assert parse_rule("majority", "any").quorum == Quorum()


def test_what_reports_by_itself_is_believed_at_once_whatever_the_default():
    beat = Job(
        id=1, name="b", type="heartbeat", target="b", interval_s=60, timeout_s=10
    )
    rule = rule_for(beat, "any up=9")

    assert (rule.up_rounds, rule.confirm, rule.quorum) == (1, False, Quorum())


numbers = st.floats(0.001, 99, allow_nan=False).map(lambda x: round(x, 3))
quorums = st.one_of(
    st.sampled_from([Quorum(k) for k in ("majority", "any", "all")]),
    st.builds(Quorum, st.just("count"), st.integers(1, 1000)),
    st.builds(lambda p: Quorum("share", percent=p), numbers),
    st.builds(
        lambda r, k: Quorum("regions", k, regions=r),
        st.integers(1, 9),
        st.integers(1, 9),
    ),
)
some = st.none() | numbers
rules = st.builds(
    Rule,
    quorum=quorums,
    down_rounds=st.integers(1, 100),
    up_rounds=st.integers(1, 100),
    min_voters=st.integers(0, 9),
    latency_ms=some,
    slower=st.none() | numbers.map(lambda x: x + 1),
    loss_pct=some,
    jitter_ms=some,
    days=some,
    confirm=st.booleans(),
)


@given(rules)
def test_what_is_written_reads_as_the_same_rule(rule):
    assert parse_rule(format_rule(rule)) == rule


@pytest.mark.parametrize(
    ("text", "voters", "needs"),
    [
        ("majority", 1, 1), ("majority", 2, 2), ("majority", 3, 2), ("majority", 4, 3),
        ("any", 5, 1), ("all", 5, 5), ("3", 5, 3), ("9", 5, 5),
        ("60%", 5, 3), ("10%", 5, 2), ("10%", 1, 1), ("100%", 3, 3), ("33.3%", 9, 3),
    ],
)  # fmt: skip
def test_so_many_must_fail(text, voters, needs):
    quorum = parse_rule(text).quorum
    ids = list(range(1, voters + 1))

    assert quorum.fails(ids[:needs], ids)
    assert not quorum.fails(ids[: needs - 1], ids)


def in_regions(*regions):
    return {
        n: Worker(id=n, key=b"", name=f"w{n}", region=region)
        for n, region in enumerate(regions, 1)
    }


@pytest.mark.parametrize(
    ("text", "regions", "failed", "down"),
    [
        ("2x2", ["eu", "eu", "us", "us"], [1, 2, 3], False),
        ("2x2", ["eu", "eu", "us", "us"], [1, 2, 3, 4], True),
        ("2x2", ["eu", "eu", "us"], [1, 2, 3], True),
        ("2x2", ["eu", "eu", "eu"], [1, 2], True),
        ("2x2", ["eu", "eu", "eu"], [1], False),
        ("2x1", ["eu", "eu", "eu"], [1], False),
        ("2x1", ["eu", "us", "us"], [2, 3], False),
        ("2x1", ["eu", "us", "us"], [1, 3], True),
        ("1x1", ["eu", "us", "us"], [3], True),
        ("2x2", [""], [1], True),
        ("2x1", ["", "", "us"], [1, 2], False),
    ],
)
def test_regions_must_fail_with_so_many_workers_each(text, regions, failed, down):
    workers = in_regions(*regions)

    assert parse_rule(text).quorum.fails(failed, list(workers), workers) is down


@given(quorums, st.lists(st.sampled_from(["eu", "us", ""]), min_size=1, max_size=7))
def test_nobody_can_be_up_and_down_at_once(quorum, regions):
    workers = in_regions(*regions)
    ids = list(workers)
    for size in range(len(ids) + 1):
        failed, good = ids[:size], ids[size:]
        assert not (
            quorum.fails(failed, ids, workers) and quorum.clears(good, ids, workers)
        )
    assert quorum.fails(ids, ids, workers)
    assert quorum.clears(ids, ids, workers)
