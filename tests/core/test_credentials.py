"""Headers whose names sound like credentials: hidden, and kept by an edit."""

import pytest

from pangea.core.credentials import (
    MASK,
    has_credentials,
    sounds_secret,
    unveiled,
    veiled,
)
from pangea.core.options import masked
from pangea.probes.base import probe_class


@pytest.mark.parametrize(
    "name",
    ["Authorization", "proxy-authorization", "Cookie", "X-Api-Key", "X-Auth-Token"],
)
def test_names_that_sound_like_credentials(name):
    assert sounds_secret(name)


@pytest.mark.parametrize("name", ["Accept", "Host", "User-Agent", "X-Trace"])
def test_names_that_do_not(name):
    assert not sounds_secret(name)


@pytest.mark.parametrize(
    ("headers", "shown"),
    [
        (
            {"Authorization": "abc", "Accept": "*/*"},
            {"Authorization": MASK, "Accept": "*/*"},
        ),
        (["Cookie: a=b", "Accept: x"], [f"Cookie: {MASK}", "Accept: x"]),
        (["Cookie: a=b", " c=d", "Accept: x"], [f"Cookie: {MASK}", "Accept: x"]),
        ("X-Token:abc,Accept: x", f"X-Token: {MASK},Accept: x"),
        ({"Cookie": ""}, {"Cookie": ""}),
        ("Accept: a,b", "Accept: a,b"),
        (None, None),
    ],
)
def test_credentials_are_masked_however_headers_are_written(headers, shown):
    assert veiled(headers) == shown
    options = masked(probe_class("http").Options, {"headers": headers, "method": "GET"})
    assert options == {"headers": shown, "method": "GET"}


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "abc", "Accept": "a, b"},
        ["authorization: abc", "Accept: a", " b"],
        "authorization: abc,Accept: a,b",
    ],
)
def test_an_edit_that_gives_what_was_shown_changes_nothing(headers):
    assert unveiled(headers, veiled(headers)) == headers
    assert unveiled(headers, {"Authorization": MASK}) == {"Authorization": "abc"}
    assert unveiled(headers, [f"Authorization: {MASK}"]) == ["Authorization: abc"]


def test_a_value_with_commas_is_kept_whole():
    old = ["Cookie: a=1", "b=2", "Accept: x"]
    assert unveiled(old, {"Cookie": MASK}) == {"Cookie": "a=1, b=2"}


def test_a_mask_that_hides_nothing_is_left_out():
    assert unveiled({}, {"Cookie": MASK, "Accept": "x"}) == {"Accept": "x"}
    assert unveiled(None, [f"Cookie: {MASK}", "Accept: x"]) == ["Accept: x"]


def test_what_is_no_list_of_headers_has_no_credentials():
    assert not has_credentials(None)
    assert not has_credentials(5)
    assert not has_credentials(["Accept: token"])
