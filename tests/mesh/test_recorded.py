"""What earlier versions of the mesh said is still understood, byte for byte."""

import json
import subprocess
import sys
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from pangea.core.errors import ProtocolError
from pangea.core.model import Result
from pangea.mesh.info import common_version, read_info
from pangea.mesh.messages import ANY, VERSIONS, decode, decode_row
from pangea.mesh.roster import SignedRoster, read_roster, unpack_roster
from pangea.mesh.secret_ring import SecretRing

RECORDED = Path(__file__).parent / "recorded"
PLACES = {number: RECORDED / f"v{number}" for number in (1, 2, 3)}
MEANINGS = {
    number: json.loads((place / "meanings.json").read_text())
    for number, place in PLACES.items()
}
#: Fields of what messages hold, by the version that knew so many.
INNER = {
    1: {"Assignment": 8, "Result": 10, "Gap": 6},
    2: {"Assignment": 9, "Result": 10, "Gap": 6, "PeerState": 9},
    3: {
        "Assignment": 10,
        "Result": 10,
        "Gap": 6,
        "PeerState": 9,
        "Check": 4,
        "Window": 3,
    },
}
FRAMES = [(number, name) for number in PLACES for name in sorted(MEANINGS[number])]


def frame(number, name):
    return decode((PLACES[number] / f"{name}.bin").read_bytes())


def plain(value):
    if isinstance(value, msgspec.Struct):
        return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, msgspec.Raw):
        return plain(msgspec.msgpack.decode(value, type=Result))
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return msgspec.to_builtins(value, str_keys=True)


def assert_says(now, then):
    """*now* says all that *then* did; what is new in it may only be a default."""
    if isinstance(then, dict):
        assert then.keys() <= now.keys()
        for key, value in then.items():
            assert_says(now[key], value)
    elif isinstance(then, list):
        assert len(now) == len(then)
        for one, other in zip(now, then, strict=True):
            assert_says(one, other)
    else:
        assert now == then


def structs(value):
    """Yield every struct inside *value*, itself included."""
    if isinstance(value, msgspec.Raw):
        value = msgspec.msgpack.decode(value, type=Result)
    if isinstance(value, msgspec.Struct):
        yield value
        for name in value.__struct_fields__:
            yield from structs(getattr(value, name))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from structs(item)


@pytest.mark.parametrize(("number", "name"), FRAMES)
def test_a_recorded_frame_still_means_what_it_meant(number, name):
    meaning = dict(MEANINGS[number][name])
    message = frame(number, name)
    assert type(message).__name__ == meaning.pop("says")
    assert_says(plain(message), meaning)


@pytest.mark.parametrize(("number", "name"), FRAMES)
def test_fields_that_a_version_did_not_know_have_their_defaults(number, name):
    message = frame(number, name)
    said = MEANINGS[number].values()
    known = INNER[number] | {one["says"]: len(one) - 1 for one in said}
    for struct in structs(message):
        info = msgspec.structs.fields(struct)
        for field in info[known[type(struct).__name__] :]:
            assert not field.required
            default = field.default
            if default is msgspec.NODEFAULT:
                default = field.default_factory()
            assert getattr(struct, field.name) == default


@pytest.mark.parametrize("number", PLACES)
def test_every_message_of_a_version_was_recorded(number):
    spoken = {kind.__name__ for kind in get_args(ANY) if kind.since <= number}
    assert spoken == {said["says"] for said in MEANINGS[number].values()}


@pytest.mark.parametrize("number", PLACES)
def test_every_recorded_file_has_a_meaning(number):
    assert {p.stem for p in PLACES[number].glob("*.bin")} == set(MEANINGS[number])


@pytest.mark.parametrize("number", PLACES)
def test_what_is_recorded_is_never_written_anew(number):
    before = {path: path.read_bytes() for path in PLACES[number].iterdir()}
    maker = RECORDED / f"make_v{number}.py"
    ran = subprocess.run([sys.executable, maker], capture_output=True, check=False)
    assert ran.returncode == 1
    assert b"Traceback" not in ran.stderr
    assert {path: path.read_bytes() for path in PLACES[number].iterdir()} == before


def test_what_version_2_signed_and_stored_is_read_still():
    said = frame(2, "roster")
    body = unpack_roster(said.body)
    signed = SignedRoster(said.body, said.signature)
    assert read_roster(signed, body.coordinators, now_us=body.issued_us) == body
    assert (body.version, [n.name for n in body.nodes]) == (7, ["hel", "c"])
    assert body.nodes[0].addresses == ("192.0.2.1:7464", "[2001:db8::1]:7464")
    ring = SecretRing.parse(frame(2, "secrets").ring)
    assert ring.ids == frame(2, "secrets-kept").ids == ("aaaaaaaa", "bbbbbbbb")


@pytest.mark.parametrize("number", PLACES)
@pytest.mark.parametrize("role", ["worker", "coordinator"])
def test_a_node_of_an_earlier_version_is_met_at_that(role, number):
    info = read_info((PLACES[number] / f"{role}-info.json").read_bytes())
    assert info.versions == (1, number)
    assert (info.role, info.name, info.boot) == (role, "n-1", "1" * 32)
    assert common_version(VERSIONS, info.versions) == number


@pytest.mark.parametrize(
    "raw",
    [b"", b"\xc1", b"\x93\x01\x02\xa1x", b"\x92\x01\xa1\xff", b"\x91" * 5000],
    ids=["nothing", "no message pack", "no number", "no text", "very deep"],
)
def test_what_is_no_row_is_refused(raw):
    with pytest.raises(ProtocolError, match="bad row"):
        decode_row(raw)
