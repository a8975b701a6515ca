"""Secrets at rest."""

import pytest

from pangea.core.errors import ConfigError
from pangea.vault import SEALED, Vault


@pytest.fixture
def vault(tmp_path):
    return Vault.load_or_create(tmp_path / "vault.key")


def test_what_is_sealed_opens_in_its_place_and_nowhere_else(vault, tmp_path):
    sealed = vault.seal(b"hunter2", "org/1/job/5/password")

    assert b"hunter2" not in sealed
    again = Vault.load_or_create(tmp_path / "vault.key")
    assert again.open(sealed, "org/1/job/5/password") == b"hunter2"
    with pytest.raises(ConfigError):
        vault.open(sealed, "org/1/job/6/password")
    with pytest.raises(ConfigError):
        vault.open(sealed[:-1] + bytes([sealed[-1] ^ 1]), "org/1/job/5/password")


def test_only_the_secret_options_are_sealed(vault):
    options = {"user": "ada", "password": "hunter2", "token": None, "ports": [1]}
    sealed = vault.seal_options(options, frozenset({"password", "token"}), "here")

    assert set(sealed["password"]) == {SEALED}
    assert {k: v for k, v in sealed.items() if k != "password"} == {
        "user": "ada",
        "token": None,
        "ports": [1],
    }
    assert vault.open_options(sealed, "here") == options


def test_a_key_of_another_size_is_refused(tmp_path):
    path = tmp_path / "vault.key"
    path.touch(0o600)
    path.write_bytes(b"short")
    with pytest.raises(ConfigError, match=r"vault\.key"):
        Vault.load_or_create(path)
