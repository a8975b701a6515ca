"""Hostile text comes out as one printable line of bounded length."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.text import safe_text

HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
ANY = st.text(st.characters(codec=None))


@given(ANY, st.integers(1, 80))
def test_no_text_commands_a_terminal_or_outgrows_its_limit(text, limit):
    shown = safe_text(text, limit)
    assert len(shown) <= limit
    assert not {unicodedata.category(char) for char in shown} & HIDDEN
    shown.encode("utf-8")


@given(st.binary(max_size=200))
def test_bytes_are_read_whatever_they_are(raw):
    assert safe_text(raw) == safe_text(raw.decode("utf-8", "replace"))


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=200))
def test_plain_text_is_left_alone(text):
    assert safe_text(text) == text


@given(ANY)
def test_what_is_safe_stays_as_it_is(text):
    once = safe_text(text, 10_000)
    assert safe_text(once, 100_000) == once


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("a\nb", "a\\x0ab"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\u2028", "\\u2028"),
        ("größe 東京 é", "größe 東京 é"),
        (b"\xff\x00", "\ufffd\\x00"),
        (memoryview(b"ok"), "ok"),
        (None, "None"),
    ],
)
def test_what_comes_out(text, shown):
    assert safe_text(text) == shown


def test_a_long_text_is_cut_with_a_sign():
    assert safe_text("x" * 300, 10) == "xxxxxxxxx…"


def test_a_very_long_text_costs_no_more_than_its_limit():
    assert len(safe_text(b"\x00" * 10_000_000, 50)) == 50
