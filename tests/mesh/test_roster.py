"""The roster: only what our coordinator signed, while it holds, and never an older."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pangea.core.errors import ProtocolError
from pangea.mesh.messages import decode, encode
from pangea.mesh.peer_messages import Roster as RosterMessage
from pangea.mesh.roster import (
    AHEAD_S,
    LIFE_S,
    MAX_ADDRESSES,
    MAX_BODY,
    MAX_COORDINATORS,
    MAX_NODES,
    RosterBody,
    RosterNode,
    SignedRoster,
    read_roster,
    sign_roster,
)
from pangea.mesh.stream import MAX_PLAIN
from tests.mesh.parties import COORDINATOR, STRANGER, WORKER

NOW_US = 1_700_000_000_000_000
ONE = RosterNode(b"1" * 32, "one", "worker", ("192.0.2.1:7464",), "hel")
TWO = RosterNode(b"2" * 32, "two")
BODY = RosterBody(
    version=7,
    issued_us=NOW_US,
    expires_us=NOW_US + round(LIFE_S * 1e6),
    coordinators=(COORDINATOR.public_key,),
    nodes=(ONE, TWO),
)


def read(signed, *, keys=(COORDINATOR.public_key,), now_us=NOW_US, newest=0):
    return read_roster(signed, keys, now_us=now_us, newest=newest)


def signed(**changes):
    return sign_roster(replace(BODY, **changes), COORDINATOR)


def test_what_the_coordinator_signed_is_read():
    assert read(sign_roster(BODY, COORDINATOR)) == BODY
    assert BODY.node(b"1" * 32) is ONE
    assert BODY.node(b"3" * 32) is None


def test_a_roster_of_another_key_is_refused():
    with pytest.raises(ProtocolError, match="has not signed"):
        read(sign_roster(BODY, STRANGER))


def test_a_worker_cannot_sign_a_roster_though_it_is_on_one():
    with pytest.raises(ProtocolError, match="has not signed"):
        read(sign_roster(BODY, WORKER))


def test_without_a_pinned_coordinator_no_roster_is_believed():
    with pytest.raises(ProtocolError, match="has not signed"):
        read(sign_roster(BODY, COORDINATOR), keys=())


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_roster_with_any_byte_changed_is_refused(at, flip):
    good = sign_roster(BODY, COORDINATOR)
    both = bytearray(good.signature + good.body)
    both[at % len(both)] ^= flip
    with pytest.raises(ProtocolError):
        read(SignedRoster(bytes(both[64:]), bytes(both[:64])))


@given(st.binary(max_size=80))
def test_a_signature_of_any_other_shape_is_refused(signature):
    with pytest.raises(ProtocolError):
        read(SignedRoster(sign_roster(BODY, COORDINATOR).body, signature))


def test_a_signature_over_something_else_of_ours_is_none_over_a_roster():
    # The label keeps apart what one key signs: a handshake signs without it.
    packed = msgspec.msgpack.encode(BODY)
    with pytest.raises(ProtocolError, match="has not signed"):
        read(SignedRoster(packed, COORDINATOR.sign(packed)))


def test_an_older_version_is_refused_and_the_same_one_is_not():
    assert read(signed(), newest=7).version == 7
    with pytest.raises(ProtocolError, match="old roster"):
        read(signed(), newest=8)


def test_an_expired_roster_is_refused():
    read(signed(), now_us=BODY.expires_us - 1)
    with pytest.raises(ProtocolError, match="expired"):
        read(signed(), now_us=BODY.expires_us)


def test_a_roster_from_the_future_is_refused():
    ahead_us = round(AHEAD_S * 1e6)
    read(signed(), now_us=NOW_US - ahead_us)
    with pytest.raises(ProtocolError, match="future"):
        read(signed(), now_us=NOW_US - ahead_us - 1)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"expires_us": BODY.expires_us + 1}, "holds too long"),
        ({"expires_us": NOW_US}, "holds too long"),
        ({"issued_us": -1, "expires_us": 5}, "holds too long"),
        ({"nodes": (ONE, ONE)}, "twice"),
        ({"nodes": (replace(ONE, key=b"short"),)}, "key that is none"),
        ({"coordinators": (b"",)}, "key that is none"),
        ({"coordinators": (b"c" * 32,) * (MAX_COORDINATORS + 1)}, "too many nodes"),
        (
            {"nodes": (replace(ONE, addresses=("a",) * (MAX_ADDRESSES + 1)),)},
            "too many addresses",
        ),
        (
            {
                "nodes": tuple(
                    replace(TWO, key=n.to_bytes(32, "big"))
                    for n in range(MAX_NODES + 1)
                )
            },
            "too many nodes",
        ),
    ],
)
def test_what_no_coordinator_of_ours_writes_is_refused_though_it_is_signed(
    changes, why
):
    with pytest.raises(ProtocolError, match=why):
        read(signed(**changes))


def test_a_body_that_is_too_large_is_refused_before_it_is_read():
    body = bytes(MAX_BODY + 1)
    with pytest.raises(ProtocolError, match="too large"):
        read(SignedRoster(body, bytes(64)))


@pytest.mark.parametrize("body", [b"", b"\xc1", b"\x80", b"\x91" * 3000, b"\x93\x01"])
def test_signed_rubbish_is_refused(body):
    label = b"PANGEA roster 1\0"
    with pytest.raises(ProtocolError, match="bad roster"):
        read(SignedRoster(body, COORDINATOR.sign(label + body)))


def test_the_largest_mesh_fits_into_one_frame():
    nodes = tuple(
        RosterNode(
            n.to_bytes(32, "big"), f"worker-{n:06}", "worker",
            (f"10.1.{n % 250}.{n % 200}:7464", "192.168.1.1:7464"), "a-region",
        )
        for n in range(MAX_NODES)
    )  # fmt: skip
    large = signed(nodes=nodes)
    message = encode(RosterMessage(large.body, large.signature))
    assert len(message) < MAX_PLAIN
    assert decode(message).body == large.body
    assert len(read(large).nodes) == MAX_NODES
