"""`--set`: values from the line, from files and from the environment."""

import pytest

from pangea.cli.given import MAX_FILE, options_of, table_of
from pangea.core.errors import UsageError


def test_a_dot_makes_a_table():
    texts = ("headers.Accept=text/html", "headers.X=a=b", "method=HEAD")
    assert options_of(texts) == {
        "headers": {"Accept": "text/html", "X": "a=b"},
        "method": "HEAD",
    }


@pytest.mark.parametrize(
    ("held", "value"),
    [
        (b"s3cret\n", "s3cret"),
        (b"s3cret\r\n", "s3cret"),
        (b"s3cret", "s3cret"),
        (b"two\n\n", "two\n"),
        (b"@kept", "@kept"),
        (b"", ""),
    ],
)
def test_a_value_comes_from_the_file_after_the_at(tmp_path, held, value):
    (tmp_path / "file").write_bytes(held)
    assert options_of((f"password=@{tmp_path}/file",)) == {"password": value}
    assert options_of((f"headers.Cookie=@{tmp_path}/file",)) == {
        "headers": {"Cookie": value}
    }


def test_two_ats_are_one_that_is_meant():
    assert options_of(("send=@@home",)) == {"send": "@home"}


@pytest.mark.parametrize(
    ("held", "said"),
    [
        (None, "No such file"),
        (b"\xff\xfe", "UTF-8"),
        (b"x" * (MAX_FILE + 1), "more than 65536 bytes"),
    ],
)
def test_a_file_that_cannot_be_a_value_is_named_and_not_quoted(tmp_path, held, said):
    path = tmp_path / "file"
    if held is not None:
        path.write_bytes(held)
    with pytest.raises(UsageError, match=said) as raised:
        options_of((f"password=@{path}",))
    assert str(path) in str(raised.value)
    assert "xxx" not in str(raised.value)


def test_a_path_that_is_none_is_refused():
    with pytest.raises(UsageError, match="null"):
        options_of(("password=@a\0b",))


def test_a_bare_name_comes_from_the_environment(monkeypatch):
    monkeypatch.setenv("PANGEA_SET_PASSWORD", "@not-a-file")
    monkeypatch.setenv("PANGEA_SET_HEADERS_X_KEY", "k")
    assert options_of(("password", "headers.X-Key")) == {
        "password": "@not-a-file",
        "headers": {"X-Key": "k"},
    }


def test_a_bare_name_that_the_environment_lacks_says_which_variable(monkeypatch):
    monkeypatch.delenv("PANGEA_SET_PASSWORD", raising=False)
    with pytest.raises(UsageError) as raised:
        options_of(("password",))
    assert "PANGEA_SET_PASSWORD" in raised.value.hint


def test_nothing_but_options_is_read_from_files():
    assert table_of("--label", ("team=@net",)) == {"team": "@net"}


def test_an_empty_value_takes_an_option_away_only_when_editing():
    assert options_of(("body=",)) == {"body": ""}
    assert options_of(("body=",), removing=True) == {"body": None}
