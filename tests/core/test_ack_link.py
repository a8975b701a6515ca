"""Links that acknowledge: nothing but what we signed is believed."""

from hypothesis import given
from hypothesis import strategies as st

from pangea.core.ack_link import LONGEST, AckLink, make_token, read_token

KEY = b"k" * 32
LINK = AckLink(1, "5442xdkbkz", 0, 3, "hecs5pgrvquks2on", 1_800_000_000)
TO = "email ops@example.com"


def test_what_was_signed_is_read_again_and_believed():
    signed = read_token(make_token(LINK, KEY, TO))
    assert signed.link == LINK
    assert signed.is_genuine(KEY, TO)


def test_another_key_or_other_recipients_make_it_worth_nothing():
    signed = read_token(make_token(LINK, KEY, TO))
    assert not signed.is_genuine(b"x" * 32, TO)
    assert not signed.is_genuine(KEY, "email eve@example.com")


def test_it_fits_into_a_line_of_mail_and_a_url():
    token = make_token(LINK, KEY, TO)
    assert len(token) < LONGEST
    assert token.replace("-", "").replace("_", "").isalnum()


def test_each_message_has_a_link_of_its_own():
    other = AckLink(1, "5442xdkbkz", 0, 3, "aaaa5pgrvquks2on", 1_800_000_000)
    numbers = [read_token(make_token(one, KEY, TO)).number for one in (LINK, other)]
    assert numbers[0] != numbers[1]


@given(st.integers(0, 400), st.integers(0, 255))
def test_a_token_of_which_any_byte_is_another_is_not_believed(at, byte):
    token = make_token(LINK, KEY, TO)
    at %= len(token)
    changed = token[:at] + chr(byte) + token[at + 1 :]
    signed = read_token(changed)
    if changed != token and signed is not None and signed.link == LINK:
        # Only the bits that base64 drops at the end may differ.
        assert at == len(token) - 1 or not signed.is_genuine(KEY, TO)
    elif changed != token and signed is not None:
        assert not signed.is_genuine(KEY, TO)


@given(st.text(max_size=400))
def test_any_text_is_read_without_harm(text):
    assert read_token(text) is None or not read_token(text).is_genuine(KEY, TO)
