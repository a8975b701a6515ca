"""A URL is shown without what is secret in it, whatever it looks like."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.database_url import (
    check_postgres,
    is_postgres,
    passwords,
    without_password,
)


@pytest.mark.parametrize(
    ("place", "is_one"),
    [
        ("postgresql://h/n", True), ("postgres://h/n", True), ("/a/b.db", False),
        ("sqlite:///x", False), ("postgresql:h", False), ("", False),
    ],
)  # fmt: skip
def test_what_is_a_url_of_a_server(place, is_one):
    assert is_postgres(place) is is_one


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:p@h:5/n", "postgresql://u@h:5/n"),
        ("postgresql://u@h/n?password=p&sslmode=require",
         "postgresql://u@h/n?sslmode=require"),
        ("postgresql://h1:1,h2:2/n?target_session_attrs=read-write",
         "postgresql://h1:1,h2:2/n?target_session_attrs=read-write"),
        ("postgresql:///n?host=/run/postgresql&passfile=/etc/p",
         "postgresql:///n?host=/run/postgresql&passfile=/etc/p"),
        ("postgresql://[::1:5/n", "postgresql://…"),
        ("state/pangea.db", "state/pangea.db"),
    ],
)  # fmt: skip
def test_a_place_is_shown_without_its_password(url, shown):
    assert without_password(url) == shown


def test_a_password_is_known_as_it_is_written_and_as_it_is_meant():
    url = "postgresql://u:a%40b@h/n?sslpassword=c"
    assert passwords(url) == ["a%40b", "a@b", "c"]
    assert passwords("/a:b@c") == []


SECRET = st.text("abc@:/?#% \n", min_size=4, max_size=9).map(lambda t: f"s3{t}s3")


@given(SECRET)
def test_no_piece_of_a_password_is_in_a_refusal_or_shown(secret):
    url = f"postgresql://u:{secret}@h/n"
    said = ""
    with suppress(ValueError):
        check_postgres(url)
        said = without_password(url)
    assert "s3" not in said


def test_a_refusal_does_not_repeat_the_password():
    for secret in ("s3@s3", "s3/s3", "s3 s3", "s3#s3", "s3?s3@"):
        with pytest.raises(ValueError, match=r"write|space") as caught:
            check_postgres(f"postgresql://u:{secret}@h/n")
        assert "s3" not in str(caught.value)
