"""What a result says in numbers, and that no worker can break it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.gauges import (
    FAMILIES,
    GAUGES,
    OTHER,
    WATCHED_S,
    Lasts,
    gauges_of,
    pack,
    unpack,
    value_of,
)
from pangea.core.model import Flag, Outcome, Result

ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)
NAMES = st.sampled_from(
    [
        *("status", "http_version", "redirects", "final_url", "reply_ttl"),
        *("loss_pct", "jitter_ms", "answers"),
        *("chain_earliest_expiry", "verified_chain_expiry"),
    ]
)


def told(kind, **more):
    """Return what a result says, by name and phase; NaN left out."""
    said = {"job": 1, "started_at_us": 5, "duration_ms": 250.0, "outcome": Outcome.OK}
    packed = pack(Result(**said | more), kind)
    values = {
        (gauge.name, gauge.phase): value
        for at, gauge in enumerate(gauges_of(kind))
        if not math.isnan(value := value_of(packed, at))
    }
    return unpack(packed), values


def test_an_answer_over_tls_says_what_blackbox_exporter_says():
    last, values = told(
        "http",
        phases={"resolve": 2.0, "connect": 3.0, "tls": 4.0, "first_byte": 5.0},
        readings={
            "status": 301,
            "http_version": "1.1",
            "redirects": 2,
            "final_url": "https://a.test/",
            "chain_earliest_expiry": "2026-03-04T05:06:07Z",
        },
    )
    assert (last.success, last.duration_s) == (True, 0.25)
    assert values["probe_http_duration_seconds", "processing"] == 0.005
    assert values["probe_dns_lookup_time_seconds", ""] == 0.002
    assert values["probe_http_status_code", ""] == 301
    assert values["probe_http_version", ""] == 1.1
    assert values["probe_http_redirects", ""] == 2
    assert values["probe_http_ssl", ""] == 1
    assert values["probe_ssl_earliest_cert_expiry", ""] == 1772600767
    assert ("probe_http_duration_seconds", "transfer") not in values


def test_a_ping_says_its_round_trip_and_loss():
    readings = {"reply_ttl": 57, "loss_pct": 20.0, "jitter_ms": None}
    _, values = told("icmp", phases={"rtt": 12.5}, readings=readings)
    assert values == {
        ("probe_icmp_duration_seconds", "rtt"): 0.0125,
        ("probe_icmp_reply_hop_limit", ""): 57,
        ("pangea_probe_loss_ratio", ""): 0.2,
    }


@pytest.mark.parametrize(
    ("outcome", "flags", "success", "timed"),
    [
        (Outcome.OK, 0, True, True),
        (Outcome.FAILED, 0, False, True),
        (Outcome.ERROR, 0, None, False),
        (Outcome.OK, Flag.SICK, True, False),
        (Outcome.FAILED, Flag.SICK, None, False),
    ],
)
def test_who_is_unwell_is_not_believed(outcome, flags, success, timed):
    last, values = told("tcp", outcome=outcome, flags=flags, phases={"connect": 1.0})
    assert last.success == success or (math.isnan(last.success) and success is None)
    assert math.isnan(last.duration_s) is not timed
    assert bool(values) is not bool(flags)


def test_an_older_result_replaces_no_newer_one():
    lasts = Lasts()
    lasts.look(0)
    for at, outcome in ((9, Outcome.FAILED), (5, Outcome.OK)):
        lasts.add(
            Result(job=1, started_at_us=at, duration_ms=1.0, outcome=outcome, worker=2),
            "tcp",
        )
    assert unpack(lasts.of(1, 2)).success == 0
    lasts.forget(1)
    assert lasts.of(1, 2) is None


def test_nothing_is_kept_where_nobody_looks():
    lasts = Lasts()
    lasts.look(0)
    for job, at in ((1, WATCHED_S), (2, WATCHED_S + 1)):
        at_us = round(at * 1e6)
        result = Result(
            job=job, started_at_us=at_us, duration_ms=1.0, outcome=Outcome.OK, worker=2
        )
        lasts.add(result, "tcp")
    assert (lasts.of(1, 2) is None, lasts.of(2, 2) is None) == (False, True)


@given(
    st.sampled_from([*GAUGES, "plugin"]),
    st.dictionaries(NAMES, ANY, max_size=5),
    st.dictionaries(st.sampled_from(["resolve", "rtt", "tls"]), st.floats()),
    st.floats(),
)
def test_whatever_a_worker_says_is_a_number_or_nothing(kind, readings, phases, took):
    _, values = told(kind, readings=readings, phases=phases, duration_ms=took)
    assert all(math.isfinite(value) for value in values.values())


def test_every_metric_says_what_it_means():
    names = {gauge.name for all_of in (*GAUGES.values(), OTHER) for gauge in all_of}
    assert names == FAMILIES.keys()
