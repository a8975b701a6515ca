"""What earlier versions of the mesh said is still understood, byte for byte."""

import json
from pathlib import Path

import msgspec
import pytest

from pangea.core.model import Result
from pangea.mesh import messages
from pangea.mesh.info import common_version, read_info
from pangea.mesh.messages import VERSIONS, decode

V1 = Path(__file__).parent / "recorded" / "v1"
MEANINGS = json.loads((V1 / "meanings.json").read_text())


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


@pytest.mark.parametrize("name", sorted(MEANINGS))
def test_a_frame_of_version_1_still_means_what_it_meant(name):
    meaning = dict(MEANINGS[name])
    message = decode((V1 / f"{name}.bin").read_bytes())
    assert type(message).__name__ == meaning.pop("says")
    assert_says(plain(message), meaning)


@pytest.mark.parametrize("name", sorted(MEANINGS))
def test_fields_that_version_1_did_not_know_have_their_defaults(name):
    message = decode((V1 / f"{name}.bin").read_bytes())
    known = {
        "Assignment": 8,
        "Result": 10,
        "Gap": 6,
        **{said["says"]: len(said) - 1 for said in MEANINGS.values()},
    }
    for struct in structs(message):
        info = msgspec.structs.fields(struct)
        for field in info[known[type(struct).__name__] :]:
            assert not field.required
            default = field.default
            if default is msgspec.NODEFAULT:
                default = field.default_factory()
            assert getattr(struct, field.name) == default


def test_every_message_of_version_1_was_recorded():
    first = {
        name
        for name, kind in vars(messages).items()
        if isinstance(kind, type)
        and issubclass(kind, messages.Message)
        and kind is not messages.Message
        and kind.since == 1
    }
    assert first == {said["says"] for said in MEANINGS.values()}


def test_every_recorded_file_has_a_meaning():
    assert {path.stem for path in V1.glob("*.bin")} == set(MEANINGS)


@pytest.mark.parametrize("role", ["worker", "coordinator"])
def test_a_node_of_version_1_is_met_at_version_1(role):
    info = read_info((V1 / f"{role}-info.json").read_bytes())
    assert info.versions == (1, 1)
    assert (info.role, info.name, info.boot) == (role, "n-1", "1" * 32)
    assert common_version(VERSIONS, info.versions) == 1
