"""A worker's pin and its last good addresses."""

import pytest

from pangea.core.errors import ConfigError
from pangea.mesh.last_good import LastGood, load, save

PIN = "ab" * 32


def test_what_is_saved_is_loaded(tmp_path):
    path = tmp_path / "state" / "last-good.json"
    assert load(path) is None
    kept = LastGood(PIN, ("192.0.2.1:7464", "[2001:db8::1]:7464"))
    save(path, kept)
    assert load(path) == kept
    assert kept.coordinator_key == b"\xab" * 32
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_newest_address_comes_first_once_and_eight_are_kept():
    kept = LastGood(PIN)
    for number in (*range(10), 5):
        kept = kept.reached_at(f"192.0.2.{number}:7464")
    assert [a[8] for a in kept.addresses] == list("59876432")
    assert kept.coordinator == PIN


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b'{"coordinator":""}',
        b'{"coordinator":"%s"}' % (b"zz" * 32),
        b'{"coordinator":"%s","addresses":[1]}' % (b"ab" * 32),
        b'{"coordinator":"%s","more":1}' % (b"ab" * 32),
    ],
)
def test_a_damaged_pin_is_an_error_and_no_reason_to_trust_another(tmp_path, content):
    path = tmp_path / "last-good.json"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="whom this worker trusts") as caught:
        load(path)
    assert "remove it" in caught.value.hint
