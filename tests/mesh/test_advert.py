"""Which adverts are ours, and which of their addresses are worth a try."""

from ipaddress import ip_interface

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.mesh.advert import (
    instance_of,
    is_ours,
    own_addresses,
    tag,
    text_record,
    worth_a_try,
)

SECRET, OTHER = bytes(32), bytes(range(32))
NOW = 1_700_000_000.0
LOCAL = tuple(
    map(
        ip_interface,
        ["127.0.0.1/8", "::1/128", "192.0.2.5/24", "2001:db8::5/64", "fe80::5/64"],
    )
)


def properties(**changes):
    text = text_record(SECRET, "p-aaaaaaaa", NOW) | changes
    return {
        key.encode(): value if value is None else value.encode("latin-1")
        for key, value in text.items()
    }


def test_an_advert_says_nothing_but_version_role_and_tag():
    text = text_record(SECRET, "p-aaaaaaaa", NOW)
    assert text == {"v": "1", "r": "c", "t": tag(SECRET, "p-aaaaaaaa", 472222)}
    assert len(text["t"]) == 16


def test_the_tag_is_the_same_for_ever():
    assert tag(SECRET, "p-aaaaaaaa", 472222) == "43b90f2f11e830dd"


@pytest.mark.parametrize("hours", [-1, 0, 1])
def test_members_recognise_it_within_an_hour(hours):
    then = NOW + hours * 3600
    assert is_ours(properties(), "p-aaaaaaaa", [OTHER, SECRET], then)


@pytest.mark.parametrize("hours", [-2, 2, -400_000, 24])
def test_an_old_or_future_tag_is_not_ours(hours):
    then = NOW + hours * 3600
    assert not is_ours(properties(), "p-aaaaaaaa", [SECRET], then)


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(properties(v="2"), id="version"),
        pytest.param(properties(r="w"), id="role"),
        pytest.param(properties(t=""), id="no tag"),
        pytest.param(properties(t=None), id="tag without a value"),
        pytest.param(properties(t="\xff\xfe\x1b" * 80), id="hostile tag"),
        pytest.param({}, id="nothing"),
    ],
)
def test_a_hostile_record_is_not_ours(said):
    assert not is_ours(said, "p-aaaaaaaa", [SECRET], NOW)


def test_another_instance_or_cluster_is_not_ours():
    assert not is_ours(properties(), "p-aaaaaaab", [SECRET], NOW)
    assert not is_ours(properties(), "p-aaaaaaaa", [OTHER], NOW)
    assert not is_ours(properties(), "p-aaaaaaaa", [], NOW)


@given(st.dictionaries(st.binary(max_size=9), st.none() | st.binary(max_size=99)))
def test_any_record_is_judged_without_an_error(said):
    assert not is_ours(said, "p-aaaaaaaa", [SECRET], NOW)


def test_only_names_like_ours_are_looked_at():
    assert instance_of("p-abcdefg7._pangea._tcp.local.") == "p-abcdefg7"
    for name in ("p-abcdefg1", "p-abcdefgh1", "P-ABCDEFGH", "p-abcdefg\n", "", "é" * 9):
        assert instance_of(f"{name}._pangea._tcp.local.") is None
    assert instance_of("p-abcdefg7") == "p-abcdefg7"


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("198.51.100.1", id="another network"),
        pytest.param("127.0.0.1", id="loopback"),
        pytest.param("::1", id="loopback of IPv6"),
        pytest.param("0.0.0.0", id="unspecified"),
        pytest.param("224.0.0.251", id="multicast"),
        pytest.param("fe80::1", id="link-local without scope"),
        pytest.param("2001:db8:1::1", id="another IPv6 network"),
        pytest.param("coordinator", id="a name"),
        pytest.param("", id="nothing"),
    ],
)
def test_an_address_that_is_not_on_our_links_is_dropped(address):
    assert worth_a_try([address], 7464, LOCAL) == []


@pytest.mark.parametrize("port", [None, -1, 0, 22, 1023, 65_536])
def test_a_port_of_other_services_is_dropped(port):
    assert worth_a_try(["192.0.2.1"], port, LOCAL) == []


def test_ipv4_is_tried_first_and_link_local_last():
    said = ["fe80::1%2", "2001:db8::1", "192.0.2.1", "192.0.2.1"]
    tried = [host for host, _ in worth_a_try(said, 1024, LOCAL)]
    assert tried == ["192.0.2.1", "2001:db8::1", "fe80::1%2"]


def test_one_advert_gives_at_most_six_addresses():
    said = [f"192.0.2.{n}" for n in range(1, 100)]
    assert len(worth_a_try(said, 7464, LOCAL)) == 6


@pytest.mark.parametrize(
    ("listen", "advertised"),
    [
        ("0.0.0.0", ["192.0.2.5"]),
        ("::", ["192.0.2.5", "2001:db8::5", "fe80::5"]),
        ("192.0.2.9", ["192.0.2.9"]),
        ("127.0.0.1", []),
        ("::1", []),
        ("localhost", []),
    ],
)
def test_what_a_server_listens_on_is_what_is_advertised(listen, advertised):
    assert own_addresses(listen, LOCAL) == advertised
