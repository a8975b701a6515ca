"""The fact sheet: what is known is told well, and nothing can break it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pangea.core.fact import LONGEST, MOST_FACTS, MOST_LINES, Fact, Readings, size
from pangea.core.sheet import GISTS, VIEWS, gist, sheet
from pangea.core.text import safe_text

#: Names that views look for, so that a value of the wrong kind meets each.
NAMES = [
    "status", "http_version", "bytes", "final_url", "redirects", "hops", "ipv4",
    "phases", "tls_version", "cipher", "subject", "issuer", "san", "san_count",
    "not_before", "not_after", "days_left", "key", "bits", "chain", "verified_chain",
    "chain_earliest_expiry", "chain_earliest_days_left", "ocsp", "changed", "failure",
    "rcode", "answers", "ttl_min", "size", "resolvers", "authoritative", "question",
    "rtts_ms", "sent", "received", "loss_pct", "rtt_min_ms", "jitter_ms", "banner",
    "path", "heard", "dialogue", "offset_ms", "stratum", "target_reached",
]  # fmt: skip
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=30),
    st.just(10**400),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=9), inner),
    ),
    max_leaves=20,
)
TYPES = sorted({*VIEWS, "unheard-of"})


def is_safe(text: str) -> bool:
    return safe_text(text, 10**6) == text


def facts(type_: str, values: dict) -> dict[str, Fact]:
    return {fact.name: fact for part in sheet(type_, values) for fact in part}


@pytest.mark.parametrize("type_", TYPES)
@settings(max_examples=60, deadline=None)
@given(values=st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=9), VALUES))
def test_readings_of_any_kind_make_printable_lines(type_, values):
    for part in sheet(type_, values):
        for fact in part:
            assert is_safe(fact.name)
            assert any(fact.lines)
            assert all(map(is_safe, fact.lines))
    assert is_safe(gist(type_, values))


@pytest.mark.parametrize("type_", TYPES)
def test_a_reading_that_no_view_knows_is_told_as_it_is(type_):
    told = facts(type_, {"half_life_ms": 12.345, "alive": True, "dead": None})
    assert told["half life"].lines == ("12.3 ms",)
    assert told["alive"].lines == ("yes",)
    assert "dead" not in told


@pytest.mark.parametrize("type_", TYPES)
def test_endless_readings_are_cut(type_):
    many = {f"r{n}": "x" * 10_000 for n in range(1000)}
    parts = sheet(type_, many | {"san": ["y" * 900] * 5000, "list": list("z" * 5000)})
    lines = [line for part in parts for fact in part for line in fact.lines]
    assert len(lines) <= 2 * MOST_LINES + MOST_FACTS + 20
    assert max(map(len, lines)) <= (LONGEST + 2) * (MOST_LINES + 1)


def test_every_type_that_has_a_view_has_a_gist():
    assert set(VIEWS) == set(GISTS)


def test_a_change_tells_before_and_after():
    changed = {"changed": {"path": {"before": "a b", "after": "a c"}}}
    (fact,) = facts("tcp", changed).values()
    assert fact == Fact("changed path", ("was a b", "now a c"), tone="degraded")


def test_a_failure_that_was_wanted_is_told_first():
    failure = {"reason": "refused", "detail": "connect to x: refused"}
    parts = sheet("tcp", {"address": "192.0.2.1", "failure": failure})
    assert parts[0] == [Fact("as wanted", ("refused: connect to x: refused",))]


@pytest.mark.parametrize(
    ("days", "said", "tone"),
    [
        (400, "400 days left", "up"),
        (3650, "10 years left", "up"),
        (20.9, "21 days left", "degraded"),
        (1.5, "36 hours left", "degraded"),
        (-3, "expired 3 days ago", "down"),
    ],
)
def test_the_life_of_a_certificate_is_told_in_its_colour(days, said, tone):
    values = {"not_after": "2027-01-06T08:30:14Z", "days_left": days}
    fact = facts("tls", values)["valid"]
    assert fact.lines == (f"until 2027-01-06T08:30:14Z, {said}",)
    assert fact.tone == tone


def a_link(subject: str, days: float = 90.0) -> dict:
    until = "2027-02-20T00:00:00Z"
    return {"subject": subject, "issuer": "-", "not_after": until, "days_left": days}


def test_the_chain_is_a_tree_that_says_what_was_not_sent():
    leaf, mid, root, other = map(a_link, ("leaf", "mid", "root", "other"))
    values = {"chain": [leaf, mid, other], "verified_chain": [leaf, mid, root]}
    told = facts("tls", values)
    assert told["chain"].lines == (
        "leaf (until 2027-02-20, 90 days left)",
        "└─ mid (until 2027-02-20, 90 days left)",
        "   └─ root (until 2027-02-20, 90 days left, trusted here)",
    )
    assert told["sent too"].lines == ("other (until 2027-02-20, 90 days left)",)


def test_a_chain_that_ends_before_its_certificate_says_so():
    values = {
        "chain": [a_link("leaf"), a_link("mid", 3.0)],
        "chain_earliest_expiry": "2026-11-25T00:00:00Z",
        "chain_earliest_days_left": 3.0,
    }
    fact = facts("tls", values)["chain ends"]
    assert fact.lines == ("2026-11-25T00:00:00Z, 3 days left",)
    assert fact.tone == "degraded"


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (12345, "12.3 kB"),
        (999_600, "1 MB"),
        (5e9, "5 GB"),
    ],
)
def test_bytes_are_told_in_three_digits(count, said):
    assert size(count) == said


def test_a_value_of_another_kind_is_left_where_it_is():
    readings = Readings({"a": [1], "b": "x", "c": {"d": 1}, "e": True})
    assert readings.text("a") == readings.text("c") == ""
    assert readings.number("b") is None
    assert readings.number("e") is None
    assert readings.texts("b") == readings.numbers("c") == readings.tables("a") == []
    assert readings.table("a") is readings.flag("b") is None
    assert set(readings.left) == {"a", "b", "c", "e"}
