"""When a worker is unwell, from what it found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.model import Outcome, Result
from pangea.core.self_test import Finding, SelfTest, cause_of, concerns, kind_of, take

GATE, DNS = "gateway 192.0.2.1", "resolver 192.0.2.53"
EVER = frozenset({GATE, DNS, "coordinator", "peer a", "clock", "loop", "disk"})


def found(gate=True, dns=True, coordinator=True, peer=True, **more):
    """Return findings; all that are linked are beyond a gateway."""
    return [
        Finding(GATE, gate, "it answers no ping"),
        Finding(DNS, dns, "no answer within 1 s", far=True),
        Finding("coordinator", coordinator, far=True),
        Finding("peer a", peer, far=more.get("far_peer", True)),
        Finding("clock", more.get("clock", True), "it was set by 60.0 s"),
        Finding("loop", more.get("loop", True)),
        Finding("disk", more.get("disk", True)),
    ]


@pytest.mark.parametrize(
    ("findings", "cause"),
    [
        pytest.param(found(), "", id="all is well"),
        pytest.param(
            found(gate=False, dns=False, coordinator=False, peer=False),
            "gateway",
            id="a silent gateway, and nothing beyond it",
        ),
        pytest.param(
            found(gate=False), "", id="it answers no ping, but lets us through"
        ),
        pytest.param(
            found(gate=False, dns=False, coordinator=False, far_peer=False),
            "gateway",
            id="a peer on the link is no way out",
        ),
        pytest.param(
            found(gate=None, dns=False, coordinator=False, peer=False),
            "network",
            id="no gateway to ask, and all witnesses are silent",
        ),
        pytest.param(
            found(gate=None, dns=None, coordinator=False, peer=None),
            "",
            id="the coordinator alone may be what is down",
        ),
        pytest.param(found(dns=False), "resolver", id="a resolver that was there"),
        pytest.param(found(clock=False), "clock", id="a clock that jumped"),
        pytest.param(found(loop=False, disk=False), "", id="busy, with a full disk"),
    ],
)
def test_what_makes_a_worker_unwell(findings, cause):
    assert kind_of(cause_of(findings, EVER)) == cause


def test_what_was_never_good_says_nothing():
    bad = found(gate=False, dns=False, coordinator=False, peer=False)
    assert cause_of(bad, ()) == ""


FINDINGS = st.lists(
    st.builds(
        Finding,
        st.sampled_from([GATE, DNS, "coordinator", "peer a", "peer b", "clock"]),
        st.sampled_from([True, False, None]),
        far=st.booleans(),
    ),
    unique_by=lambda finding: finding.name,
)


@given(st.lists(FINDINGS, max_size=12))
def test_a_window_begins_with_the_last_good_test_and_ends_with_a_good_one(rounds):
    state, good_at = SelfTest(0.0), 0.0
    for number, findings in enumerate(rounds, 1):
        before, state = state, take(state, findings, float(number))
        if not state.cause:
            good_at = number
            assert state.since == 0.0
        elif not before.cause:
            assert state.since == before.at == good_at
        else:
            assert good_at <= state.since < number
        assert before.ever <= state.ever


@given(FINDINGS)
def test_nobody_is_unwell_who_finds_all_good_or_cannot_tell(findings):
    well = [f for f in findings if f.good is not False]
    assert cause_of(well, {f.name for f in findings}) == ""


@given(FINDINGS)
def test_an_answer_from_beyond_the_gateways_excuses_them(findings):
    proof = Finding("peer z", True, far=True)
    cause = cause_of([*findings, proof], {f.name for f in findings})
    assert kind_of(cause) not in ("gateway", "network")


def failure(reason, phases=(), **more):
    spent = dict.fromkeys(phases, 1.0)
    said = {"reason": reason, "phases": spent} | more
    return Result(
        job=1, started_at_us=0, duration_ms=1.0, outcome=Outcome.FAILED, **said
    )


@pytest.mark.parametrize(
    ("result", "type_", "options", "concerned"),
    [
        (failure("resolver_failed"), "http", {}, True),
        (failure("name_not_found"), "tcp", {}, True),
        (failure("resolver_failed"), "http", {"resolver": "192.0.2.9"}, False),
        (failure("timeout", ["resolve"]), "http", {}, True),
        (failure("timeout", ["resolve", "connect"]), "http", {}, False),
        (failure("timeout"), "dns", {}, True),
        (failure("timeout"), "dns", {"resolver": ["192.0.2.9"]}, False),
        (failure("refused", ["connect"]), "tcp", {}, False),
        (failure("rcode"), "dns", {}, False),
    ],
)
def test_a_broken_resolver_concerns_who_asked_it(result, type_, options, concerned):
    assert concerns("resolver: silent", result, type_, options) is concerned
    assert concerns("gateway: silent", result, type_, options)
