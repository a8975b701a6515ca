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
@settings(max_examples=30, deadline=None)
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


def test_odd_packets_are_told_where_there_are_any():
    values = {"sent": 5, "received": 4, "loss_pct": 20.0, "rtts_ms": [1.0, None]}
    odd = {"duplicates": 2, "reordered": 1, "corrupted": 3}
    whole = "5 sent, 4 received, 20 % lost"
    assert facts("icmp", values | dict.fromkeys(odd, 0))["loss"].lines == (whole,)
    said = f"{whole}, 2 duplicated, 1 reordered, 3 corrupted"
    assert facts("icmp", values | odd)["loss"].lines == (said,)
    assert gist("icmp", values | odd) == said


CERTIFICATE = {
    "subject": "shop",
    "issuer": "Middle",
    "not_before": "2026-01-01T00:00:00Z",
    "not_after": "2027-01-01T00:00:00Z",
    "days_left": 40.0,
    "san": ["shop.test", "10.0.0.1"],
    "san_count": 7,
    "key": "EC",
    "bits": 256,
    "signature": "sha256",
    "fingerprint_sha256": "ab" * 32,
    "chain_length": 2,
    "chain_earliest_expiry": "2026-12-01T00:00:00Z",
    "chain_earliest_days_left": 9.0,
    "verified_chain_expiry": "2027-01-01T00:00:00Z",
    "verified_chain_days_left": 40.0,
}


@pytest.mark.parametrize("type_", ["http", "tcp", "dns"])
def test_a_certificate_is_told_in_passing(type_):
    told = facts(type_, CERTIFICATE)
    assert {name: fact.lines[0] for name, fact in told.items()} == {
        "certificate": "shop",
        "names": "shop.test, 10.0.0.1, … 7 in all",
        "issuer": "Middle",
        "valid": "2026-01-01T00:00:00Z to 2027-01-01T00:00:00Z, 40 days left",
        "key": "EC 256, signed with sha256",
        "sha256": "ab" * 32,
        "chain": "2 certificates sent",
        "chain ends": "2026-12-01T00:00:00Z, 9 days left",
    }
    assert told["chain ends"].tone == "degraded"


def test_a_hop_tells_whose_certificate_it_had():
    hop = {"url": "https://a.test/", "status": 301, "address": "::1", "ms": 1.5}
    whose = {"subject": "a", "issuer": "M", "not_after": "2027-01-01T00:00:00Z"}
    values = {"hops": [hop | whose, hop | {"url": "http://b.test/"}]}
    assert facts("http", values)["hops"].lines == (
        "1  301  1.5 ms  ::1  https://a.test/  (a, from M, until 2027-01-01)",
        "2  301  1.5 ms  ::1  http://b.test/",
    )


def test_a_dialogue_is_told_turn_by_turn():
    turns = [
        {"heard": r"220-a\x0d\x0a220 b\x0d\x0a"},
        {"said": r"STARTTLS\x0d\x0a"},
        {"secured": "TLSv1.3"},
        {"odd": [1]},
    ]
    told = facts("tcp", {"dialogue": turns, "banner": "220-a", "answer": "x"})
    assert told.keys() == {"dialogue"}
    assert told["dialogue"].lines == (
        "< 220-a",
        "< 220 b",
        "> STARTTLS",
        "-- TLSv1.3 --",
    )
