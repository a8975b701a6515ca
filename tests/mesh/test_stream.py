"""The streams: order, wholeness, new keys, and an end that cannot be forged."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.errors import ProtocolError
from pangea.mesh import stream
from pangea.mesh.stream import HEADER_SIZE, MAX_FRAME, MAX_PLAIN, Opener, Sealer, Wear

KEY = bytes(range(32))


def ends(now=0.0):
    sealer = Sealer(KEY, now)
    return sealer, Opener(KEY, sealer.header)


def test_messages_arrive_in_order_and_the_last_is_known():
    sealer, opener = ends()
    said = [b"", b"one", bytes(MAX_PLAIN)]
    assert [opener.open(sealer.seal(plain, 0.0)) for plain in said] == said
    assert not opener.finished
    opener.open(sealer.finish())
    assert opener.finished


def test_a_message_of_one_mebibyte_fits_and_no_more():
    sealer, _ = ends()
    assert len(sealer.seal(bytes(MAX_PLAIN), 0.0)) == MAX_FRAME
    with pytest.raises(ProtocolError, match="1048577 bytes"):
        sealer.seal(bytes(MAX_PLAIN + 1), 0.0)


def test_the_header_has_24_bytes_and_another_length_is_refused():
    sealer, _ = ends()
    assert len(sealer.header) == HEADER_SIZE == 24
    for header in (b"", sealer.header[:-1], sealer.header + b"x"):
        with pytest.raises(ProtocolError, match="24 bytes"):
            Opener(KEY, header)


def test_a_wrong_key_or_header_opens_nothing():
    sealer, _ = ends()
    frame = sealer.seal(b"x", 0.0)
    for opener in (Opener(bytes(32), sealer.header), Opener(KEY, bytes(24))):
        with pytest.raises(ProtocolError, match="changed"):
            opener.open(frame)


@pytest.mark.parametrize(
    ("arrived", "arriving"),
    [
        pytest.param([0], 0, id="repeated"),
        pytest.param([], 1, id="first one lost, or swapped"),
        pytest.param([0], 2, id="one lost"),
        pytest.param([0, 1], 0, id="an old one"),
    ],
)
def test_frames_out_of_order_are_refused(arrived, arriving):
    sealer, opener = ends()
    frames = [sealer.seal(b"%d" % n, 0.0) for n in range(3)]
    for number in arrived:
        opener.open(frames[number])
    with pytest.raises(ProtocolError, match="changed, repeated, lost"):
        opener.open(frames[arriving])


@given(st.binary(max_size=64), st.data())
def test_any_changed_frame_is_refused_and_ends_the_stream(plain, data):
    sealer, opener = ends()
    frame = bytearray(sealer.seal(plain, 0.0))
    at = data.draw(st.integers(0, len(frame) - 1))
    if data.draw(st.booleans()):
        frame[at] ^= data.draw(st.integers(1, 255))
    else:
        del frame[at:]
    with pytest.raises(ProtocolError):
        opener.open(bytes(frame))
    with pytest.raises(ProtocolError, match="after the end"):
        opener.open(sealer.seal(b"next", 0.0))


@pytest.mark.parametrize("size", [0, 16, MAX_FRAME + 1])
def test_a_frame_of_an_impossible_length_is_refused(size):
    with pytest.raises(ProtocolError, match="a frame has"):
        ends()[1].open(bytes(size))


def test_nothing_follows_the_last_frame():
    sealer, opener = ends()
    opener.open(sealer.finish())
    with pytest.raises(ProtocolError):
        sealer.seal(b"more", 0.0)
    with pytest.raises(ProtocolError):
        sealer.finish()
    with pytest.raises(ProtocolError, match="after the end"):
        opener.open(bytes(17))


def tags(sealer, steps):
    """Seal each (size, now) and return whether the key changed after it."""
    state = stream._State()
    stream._init_pull(state, sealer.header, KEY)
    frames = [sealer.seal(bytes(size), now) for size, now in steps]
    return [stream._pull(state, f, None)[1] == stream._TAG_REKEY for f in frames]


def test_the_key_changes_after_an_hour():
    steps = [(1, 10.0), (1, 3609.9), (1, 3610.0), (1, 3611.0), (1, 7210.0)]
    assert tags(Sealer(KEY, 10.0), steps) == [False, False, True, False, True]


def test_the_key_changes_after_so_many_messages():
    sealer = Sealer(KEY, 0.0, Wear(messages=3))
    assert tags(sealer, [(1, 0.0)] * 7) == [False, False, True] * 2 + [False]


def test_the_key_changes_after_so_many_bytes():
    sealer = Sealer(KEY, 0.0, Wear(size=100))
    assert tags(sealer, [(60, 0.0)] * 4) == [False, True] * 2


def test_a_key_bears_a_million_messages_a_gibibyte_and_an_hour():
    assert Wear() == Wear(messages=2**20, size=2**30, seconds=3600.0)


def test_messages_go_on_after_the_key_has_changed():
    sealer, opener = ends()
    for now in (0.0, 3600.0, 3601.0, 7200.0):
        assert opener.open(sealer.seal(b"x", now)) == b"x"
