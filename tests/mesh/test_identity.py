"""The node key lives in one file, and its id survives being typed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import VerifyKey

from pangea.core.errors import ConfigError, UsageError
from pangea.mesh.identity import load_or_create, node_id, parse_node_id

ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
keys = st.binary(min_size=32, max_size=32)


def test_the_key_is_made_once_and_kept(tmp_path):
    path = tmp_path / "state" / "node.key"
    made, loaded = load_or_create(path), load_or_create(path)
    assert made.public_key == loaded.public_key
    assert made.id == loaded.id
    assert len(path.read_bytes()) == 32
    assert path.stat().st_mode & 0o777 == 0o600


def test_two_nodes_have_two_keys(tmp_path):
    one, two = load_or_create(tmp_path / "a"), load_or_create(tmp_path / "b")
    assert one.public_key != two.public_key


def test_it_signs_as_ed25519(tmp_path):
    identity = load_or_create(tmp_path / "node.key")
    VerifyKey(identity.public_key).verify(b"data", identity.sign(b"data"))


def test_the_seed_is_not_in_the_repr(tmp_path):
    identity = load_or_create(tmp_path / "node.key")
    assert repr(identity) == "Identity()"


@pytest.mark.parametrize("content", [b"", bytes(31), bytes(33)])
def test_a_damaged_key_is_refused_and_left_alone(tmp_path, content):
    path = tmp_path / "node.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="32"):
        load_or_create(path)
    assert path.read_bytes() == content


def test_a_key_that_others_may_read_is_refused(tmp_path):
    path = tmp_path / "node.key"
    load_or_create(path)
    path.chmod(0o644)
    with pytest.raises(ConfigError) as caught:
        load_or_create(path)
    assert "chmod 600" in caught.value.hint


def test_an_id_is_the_same_for_ever():
    assert node_id(bytes(32)) == "jpsed2-hypitw-dfmrta-mpgtfd-4bajq4-ahbaxc"


@given(keys)
def test_an_id_typed_in_any_manner_is_read(key):
    shown = node_id(key)
    assert [len(group) for group in shown.split("-")] == [6] * 6
    assert parse_node_id(shown) == shown
    assert parse_node_id(f" {shown.upper().replace('-', ' ')} ") == shown
    assert parse_node_id(shown.replace("-", "")) == shown


@given(keys, st.integers(0, 35), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_noticed(key, at, wrong):
    right = node_id(key).replace("-", "")
    typed = right[:at] + wrong + right[at + 1 :]
    if typed == right:
        return
    with pytest.raises(UsageError, match="slip"):
        parse_node_id(typed)


@pytest.mark.parametrize("text", ["", "w1", "a" * 35, "a" * 37, "1" * 36, "é" * 36])
def test_what_is_no_id_is_a_usage_error(text):
    with pytest.raises(UsageError, match="is not a node id"):
        parse_node_id(text)
