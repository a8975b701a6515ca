"""Join tokens as text: read whole and right, or refused without telling anything."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.errors import UsageError
from pangea.mesh.join_token import JoinToken, _checksum, is_token, parse_token

KEY = b"k" * 32
TOKEN = JoinToken.fresh(KEY, 1_800_000_000, ["192.0.2.1:7464", "https://h.example:443"])


def with_body(body):
    return f"pangea-join-1.{body}.{_checksum(body)}"


def test_a_token_reads_as_it_was_written():
    assert parse_token(TOKEN.text) == TOKEN
    assert parse_token(f"  {TOKEN.text}\n") == TOKEN
    assert is_token(TOKEN.text)
    assert TOKEN.coordinator_key == KEY


def test_tokens_differ_and_the_proof_is_not_the_secret():
    other = JoinToken.fresh(KEY, 1_800_000_000, ["192.0.2.1"])
    assert other.id != TOKEN.id
    assert other.secret != TOKEN.secret
    assert TOKEN.proof not in (TOKEN.secret, other.proof)
    assert TOKEN.secret.hex() not in repr(TOKEN)


@given(st.integers(min_value=0), st.characters())
def test_any_slip_is_noticed(place, letter):
    text = TOKEN.text
    place %= len(text)
    slipped = text[:place] + letter + text[place + 1 :]
    if slipped.strip() == text:
        return
    with pytest.raises(UsageError) as caught:
        parse_token(slipped)
    assert TOKEN.text[20:60] not in str(caught.value)


@given(st.binary(max_size=400))
def test_no_bytes_with_a_right_sum_break_it(raw):
    body = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    try:
        found = parse_token(with_body(body))
    except UsageError:
        return
    assert 1 <= len(found.addresses) <= 8


@pytest.mark.parametrize(
    "text",
    ["", "pangea-join-1", "pangea-join-2." + TOKEN.text[14:], "x" * 100_000],
)
def test_what_is_no_token_is_refused(text):
    with pytest.raises(UsageError):
        parse_token(text)


@pytest.mark.parametrize(
    "addresses",
    [
        (),
        ("",),
        ("a",) * 9,
        ("a b",),
        ("host:99999",),
        ("pangea-join-1.x",),
    ],
)
def test_a_token_without_good_addresses_is_refused(addresses):
    made = JoinToken(
        id=b"1" * 8, secret=b"s" * 32, coordinator_key=KEY, expires=1,
        addresses=addresses,
    )  # fmt: skip
    with pytest.raises(UsageError):
        parse_token(made.text)


def test_what_is_no_text_where_the_addresses_are_is_refused():
    raw = TOKEN.id + TOKEN.secret + KEY + bytes(8) + b"192.0.2.\xb9"
    body = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    with pytest.raises(UsageError, match="it cannot be read"):
        parse_token(with_body(body))


def test_the_id_that_means_no_token_is_refused():
    made = JoinToken(
        id=bytes(8), secret=b"s" * 32, coordinator_key=KEY, expires=1, addresses=("h",)
    )
    with pytest.raises(UsageError):
        parse_token(made.text)
