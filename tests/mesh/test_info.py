"""What a node says of itself: one canonical way, and every other is refused."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.mesh.info import NodeInfo, common_version, read_info, write_info
from pangea.mesh.refusal import Refusal, Refused


def test_what_is_written_is_read():
    info = NodeInfo(
        role="worker",
        name="w-1",
        boot="0f" * 16,
        caps=("icmp", "ipv6"),
        versions=(1, 2),
    )
    assert read_info(write_info(info)) == info


def test_an_empty_info_is_read_with_version_1():
    assert read_info(b"{}") == NodeInfo(versions=(1, 1))


def test_unknown_keys_are_ignored():
    assert read_info(b'{"later":[1,{}],"role":"peer"}').role == "peer"


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b'{"!seal":2}', id="unknown critical key"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"[]", id="no object"),
        pytest.param(b"null", id="null"),
        pytest.param(b"{", id="cut"),
        pytest.param(b'{"role": "worker"}', id="a space"),
        pytest.param(b'{"role":"worker"}\n', id="a line end"),
        pytest.param(b'{"v":[1,1],"role":"worker"}', id="unsorted keys"),
        pytest.param(b'{"role":"worker","role":"worker"}', id="a key twice"),
        pytest.param('{"name":"é"}'.encode(), id="not ASCII"),
        pytest.param(b'{"name":"\\u0061"}', id="an escape too many"),
        pytest.param(b'{"x":NaN}', id="not a number"),
        pytest.param(b'{"x":1e400}', id="infinity"),
        pytest.param(b'{"x":[[[1]]]}', id="too deep"),
        pytest.param(b"[" * 1024, id="far too deep"),
        pytest.param(b'{"name":7}', id="name is a number"),
        pytest.param(b'{"name":"%s"}' % (b"n" * 64), id="name too long"),
        pytest.param(b'{"role":null}', id="role is null"),
        pytest.param(b'{"caps":"icmp"}', id="caps are text"),
        pytest.param(b'{"caps":[1]}', id="caps are numbers"),
        pytest.param(b'{"v":1}', id="version is a number"),
        pytest.param(b'{"v":[2,1]}', id="range turned round"),
        pytest.param(b'{"v":[0,1]}', id="version 0"),
        pytest.param(b'{"v":[1,1,1]}', id="three versions"),
        pytest.param(b'{"v":[true,true]}', id="versions are truths"),
        pytest.param(b'{"v":["1","1"]}', id="versions are text"),
        pytest.param(b'{"x":"%s"}' % (b"x" * 1017), id="1025 bytes"),
    ],
)
def test_it_is_refused(raw):
    with pytest.raises(Refused) as caught:
        read_info(raw)
    assert caught.value.reason is Refusal.INFO


def test_1024_bytes_and_depth_3_are_accepted():
    read_info(b'{"x":"%s"}' % (b"x" * 1016))
    read_info(b'{"x":[[1]]}')


def test_more_than_1024_bytes_are_not_written():
    with pytest.raises(ValueError, match="at most 1024"):
        write_info(NodeInfo(caps=("x" * 64,) * 20))


def test_a_hostile_name_is_harmless_when_printed():
    raw = json.dumps({"name": "\x1b[31m\u202ered"}, separators=(",", ":")).encode()
    assert read_info(raw).name == "\\x1b[31m\\u202ered"


@given(st.binary(max_size=1100))
def test_any_bytes_are_read_or_refused(raw):
    with suppress(Refused):
        assert isinstance(read_info(raw), NodeInfo)


ranges = st.tuples(st.integers(1, 9), st.integers(1, 9)).map(sorted).map(tuple)


@given(ranges, ranges)
def test_both_sides_choose_the_same_highest_version(ours, theirs):
    both = set(range(ours[0], ours[1] + 1)) & set(range(theirs[0], theirs[1] + 1))
    if both:
        assert common_version(ours, theirs) == common_version(theirs, ours) == max(both)
        return
    with pytest.raises(Refused) as caught:
        common_version(ours, theirs)
    assert caught.value.reason is Refusal.VERSION
