"""Two findings, and what differs between them in words."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pangea.core.evidence import difference, first_different_hop
from pangea.core.finding import Certificate, Finding, Hop, finding_of
from pangea.core.model import Outcome, Result
from pangea.core.text import safe_text

GATE, CORE, TARGET = "10.8.0.1", "10.9.0.1", "192.0.2.7"


def fails(reason="timeout", **more):
    told = {"worker": "site-b", "outcome": "failed", "reason": reason}
    return Finding(**{**told, "detail": f"it said {reason}", "address": TARGET} | more)


def works(**more):
    told = {"worker": "london", "outcome": "ok", "address": TARGET}
    return Finding(**told | {"duration_ms": 12.0} | more)


def way(*addresses, arrived=True):
    hops = tuple(Hop(n, (a,) if a else ()) for n, a in enumerate(addresses, 1))
    return {"walked": True, "arrived": arrived, "hops": hops}


CUT = way(GATE, arrived=False)
ISSUER = {"fingerprint": "aa", "issuer": "Good CA"}


@pytest.mark.parametrize(
    ("failing", "healthy", "said"),
    [
        pytest.param(
            fails(**CUT), works(**way(CORE, TARGET)),
            "same address; only site-b is cut after 10.8.0.1", id="cut on the way",
        ),
        pytest.param(
            fails(**CUT), works(**way(GATE, TARGET)),
            "same address; only site-b is cut after 10.8.0.1, where london goes on",
            id="cut at a hop that both pass",
        ),
        pytest.param(
            fails(**way(arrived=False)), works(**way(CORE, TARGET)),
            "same address; no hop answers site-b", id="cut at once",
        ),
        pytest.param(
            fails("refused", address="192.0.2.9"), works(),
            "site-b resolves 192.0.2.9, london 192.0.2.7; "
            "only site-b fails: it said refused; london is answered in 12 ms",
            id="two addresses of one name",
        ),
        pytest.param(
            fails("name_not_found", address=""), works(),
            "only site-b cannot resolve the name; london resolves 192.0.2.7",
            id="a name that one cannot resolve",
        ),
        pytest.param(
            fails("refused"), works(outcome="failed", reason="refused"),
            "same address; both fail alike: the connection was refused",
            id="both fail alike",
        ),
        pytest.param(
            fails(**CUT), works(outcome="failed", reason="timeout", **CUT),
            "same address; both fail alike: no answer in time, beyond 10.8.0.1",
            id="both are cut at the same hop",
        ),
        pytest.param(
            fails(), works(outcome="failed", reason="refused"),
            "same address; both fail, but not alike: site-b: no answer in time, "
            "london: the connection was refused", id="both fail otherwise",
        ),
        pytest.param(
            fails("cert_untrusted",
                  certificate=Certificate(fingerprint="bb", issuer="Proxy CA")),
            works(certificate=Certificate(**ISSUER)),
            "same address; certificate differs: issuer: site-b Proxy CA, "
            "london Good CA", id="another certificate",
        ),
        pytest.param(
            fails("status", status="503"), works(status="200"),
            "same address; site-b gets 503, london 200", id="another status",
        ),
        pytest.param(
            fails("answer", address="", answers=("192.0.2.9",), resolver="a"),
            works(address="", answers=("192.0.2.7",), resolver="b"),
            "site-b is answered 192.0.2.9 (by a), london 192.0.2.7",
            id="another answer",
        ),
        pytest.param(
            fails(), None,
            "site-b fails: it said timeout; nobody else could look", id="alone",
        ),
        pytest.param(
            fails(outcome="ok"), works(), "site-b reaches it again, as london does",
            id="over already",
        ),
        pytest.param(
            fails(), Finding(worker="london", refused="it is not connected"),
            "site-b fails: it said timeout; "
            "london could not be asked: it is not connected", id="a witness is gone",
        ),
        pytest.param(
            Finding(worker="site-b", refused="it left before it answered"), works(),
            "site-b could not be asked: it left before it answered",
            id="the failing one is gone",
        ),
        pytest.param(
            fails(), works(outcome="error", reason="no_route", detail="no route"),
            "site-b fails: it said timeout; london could not tell: no route",
            id="the witness is unwell",
        ),
    ],
)  # fmt: skip
def test_what_differs_is_said(failing, healthy, said):
    assert difference(failing, healthy) == said


@pytest.mark.parametrize(
    ("failing", "other", "said"),
    [
        (fails(**CUT), works(**way(CORE, TARGET)), "site-b is cut after 10.8.0.1"),
        (
            fails("refused", detail="refused"), works(),
            "site-b fails: refused; london is answered in 12 ms",
        ),
        (
            fails("refused"), works(outcome="failed", reason="refused"),
            "site-b and london fail alike: the connection was refused",
        ),
        (
            fails("name_not_found", address=""), works(),
            "site-b cannot resolve the name; london resolves 192.0.2.7",
        ),
    ],
)  # fmt: skip
def test_if_others_fail_too_nobody_is_the_only_one_and_two_are_not_all(
    failing, other, said
):
    found = difference(failing, other, more=True)
    assert found.removeprefix("same address; ") == said


def test_silent_hops_part_no_ways():
    one = fails(**way(GATE, "", TARGET))
    assert first_different_hop(one, works(**way("", CORE, TARGET))) == 0
    assert first_different_hop(one, works(**way(GATE, CORE, CORE))) == 3


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner)
    ),
    max_leaves=8,
)
NAMES = [
    *("address", "status", "http_version", "final_url", "subject", "issuer"),
    *("not_after", "tls_version", "fingerprint_sha256", "answers", "resolver"),
    *("reached", "hops", "failure", "ttl", "addresses"),
]
readings = st.dictionaries(st.sampled_from(NAMES), anything, max_size=8)


@st.composite
def results(draw):
    return Result(
        job=1,
        started_at_us=draw(st.integers(0, 2**50)),
        duration_ms=draw(st.floats(0, 1e9)),
        outcome=draw(st.sampled_from(Outcome)),
        reason=draw(st.sampled_from(["", "timeout", "refused", "name_not_found", "x"])),
        detail=draw(st.text(max_size=30)),
        phases=draw(st.dictionaries(st.text(max_size=9), st.floats(0, 1e9))),
        readings=draw(readings),
    )


@settings(max_examples=60, deadline=None)
@given(*[st.none() | results()] * 4)
def test_whatever_workers_say_two_findings_are_one_safe_line(one, way1, other, way2):
    failing = finding_of("a", one, way1, refused="gone")
    healthy = finding_of("b", other, way2, refused="gone")
    for said in (difference(failing, healthy), difference(failing, None)):
        assert said
        assert "a" in said
        assert said == safe_text(said, 4000)
    assert first_different_hop(failing, healthy) >= 0
    assert set(failing.data) <= set(Finding.__struct_fields__)


def test_a_finding_takes_the_hops_of_its_way_and_not_the_redirects_of_a_page():
    page = Result(
        job=1, started_at_us=1, duration_ms=1.0, outcome=Outcome.OK,
        readings={"address": TARGET, "status": 200, "hops": [{"url": "x"}]},
    )  # fmt: skip
    walked = Result(
        job=1, started_at_us=1, duration_ms=1.0, outcome=Outcome.FAILED,
        readings={"reached": False, "hops": [{"ttl": 1, "address": GATE}]},
    )  # fmt: skip
    assert finding_of("a", page).hops == ()
    found = finding_of("a", page, walked)
    assert (found.hops, found.walked, found.arrived) == (
        (Hop(1, (GATE,)),),
        True,
        False,
    )
    assert found.data["hops"] == ([1, (GATE,)],)
    assert "certificate" not in found.data
    assert "answers" not in found.data
