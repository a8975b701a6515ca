"""Cluster secrets: generated, copied by people, kept in one file."""

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.errors import ConfigError
from pangea.mesh.secret_ring import (
    SecretRing,
    load_or_create,
    load_secret_file,
    save,
)


def entry(state="current", key="ab" * 32, **more):
    return {"id": "1", "key": key, "created": 0, "state": state} | more


def ring(*entries):
    return json.dumps({"secrets": entries}).encode()


def test_the_ring_is_made_once_and_kept(tmp_path):
    path = tmp_path / "state" / "secrets.json"
    made, loaded = load_or_create(path, lambda: 1700.5), load_or_create(path)
    assert made == loaded
    assert made.current.created == 1700
    assert len(made.current.raw) == 32
    assert path.stat().st_mode & 0o777 == 0o600


def test_two_rings_have_two_secrets():
    assert SecretRing.fresh(0).current.raw != SecretRing.fresh(0).current.raw


def test_the_text_of_a_secret_is_read_again(tmp_path):
    made = SecretRing.fresh(0).current
    assert made.text.startswith("pangea-secret-1.")
    path = tmp_path / "secret"
    path.write_text(f"\n {made.text}\n")
    read = load_secret_file(path).current
    assert (read.raw, read.id) == (made.raw, made.id)


def test_a_ring_may_be_given_as_the_secret_file(tmp_path):
    made = SecretRing.fresh(0)
    save(tmp_path / "secrets.json", made)
    assert load_secret_file(tmp_path / "secrets.json") == made


def test_all_secrets_come_with_the_current_one_first():
    read = SecretRing.parse(ring(entry("old"), entry("next"), entry("current")))
    assert [s.state for s in read.all] == ["current", "old", "next"]
    assert read.current.state == "current"


def test_a_ring_that_has_dropped_more_than_any_does_is_refused():
    told = [f"{n:08x}" for n in range(257)]
    dropped = json.dumps(told[:256]).encode()
    whole = ring(entry())[:-1] + b', "dropped": ' + dropped + b"}"
    assert len(SecretRing.parse(whole).dropped) == 256
    more = ring(entry())[:-1] + b', "dropped": ' + json.dumps(told).encode() + b"}"
    with pytest.raises(ValueError, match="dropped more than 256"):
        SecretRing.parse(more)


@given(st.integers(0, 67), st.sampled_from("abcXYZ019-_."))
def test_one_wrong_character_is_noticed(at, wrong):
    text = SecretRing.parse(ring(entry())).current.text
    typed = text[:at] + wrong + text[at + 1 :]
    if typed != text:
        with pytest.raises(ValueError, match=r"not of the form|checksum"):
            SecretRing.parse(typed.encode())


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"correct horse battery staple", id="a pass phrase"),
        pytest.param(b"\xff\xfe\x00", id="bytes"),
        pytest.param(b"{", id="cut JSON"),
        pytest.param(b'{"secrets":[]}', id="no secret"),
        pytest.param(ring(*[entry("old")] * 3, entry()), id="four secrets"),
        pytest.param(ring(entry("old")), id="none is current"),
        pytest.param(ring(entry(), entry()), id="two are current"),
        pytest.param(ring(entry("later")), id="unknown state"),
        pytest.param(ring(entry(extra=1)), id="unknown key"),
        pytest.param(ring(entry(key="ab" * 31)), id="short"),
        pytest.param(ring(entry(key="AB" * 32)), id="capitals"),
        pytest.param(ring(entry(key=7)), id="a number"),
        pytest.param(b"{" + b'"a":[' * 12_000, id="deep"),
    ],
)
def test_what_is_no_secret_is_a_clear_error(tmp_path, content):
    path = tmp_path / "secret"
    path.write_bytes(content)
    path.chmod(0o600)
    for load in (load_secret_file, load_or_create):
        with pytest.raises(ConfigError, match="holds no cluster secret") as caught:
            load(path)
        assert "pangea secret show" in caught.value.hint
        assert "horse" not in str(caught.value)
    assert path.read_bytes() == content


def test_a_missing_secret_file_is_a_clear_error(tmp_path):
    with pytest.raises(ConfigError, match="No such file"):
        load_secret_file(tmp_path / "none")


def test_a_secret_is_never_in_a_repr():
    made = SecretRing.fresh(0)
    assert made.current.key not in repr(made)
    assert made.current.key not in repr(made.current)


def test_a_secret_file_for_everybody_is_read_with_a_warning(tmp_path, caplog):
    path = tmp_path / "secret"
    path.write_text(SecretRing.fresh(0).current.text)
    path.chmod(0o644)
    load_secret_file(path)
    assert "everybody on this machine may read" in caplog.text


def test_the_rings_own_file_must_be_private(tmp_path):
    path = tmp_path / "secrets.json"
    load_or_create(path)
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="others may read"):
        load_or_create(path)


def test_a_failed_save_leaves_the_old_ring(tmp_path):
    path = tmp_path / "secrets.json"
    old = load_or_create(path)
    (tmp_path / f".secrets.json.{os.getpid()}.new").mkdir()
    with pytest.raises(ConfigError, match="cannot write"):
        save(path, SecretRing.fresh(0))
    assert load_or_create(path) == old
