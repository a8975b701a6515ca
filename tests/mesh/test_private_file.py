"""Files of a node: private, whole, and refused with the command that helps."""

import os
import stat

import pytest

from pangea.core.errors import ConfigError
from pangea.mesh.private_file import (
    create_private,
    make_private_directory,
    read_private,
    write_private,
)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_is_0600_in_a_directory_of_0700(tmp_path):
    old = os.umask(0)
    try:
        create_private(tmp_path / "a" / "b" / "f", b"x")
    finally:
        os.umask(old)
    assert mode(tmp_path / "a" / "b" / "f") == 0o600
    assert mode(tmp_path / "a" / "b") == 0o700
    assert read_private(tmp_path / "a" / "b" / "f") == b"x"
    assert os.listdir(tmp_path / "a" / "b") == ["f"]


def test_creating_never_replaces(tmp_path):
    create_private(tmp_path / "f", b"first")
    with pytest.raises(FileExistsError):
        create_private(tmp_path / "f", b"second")
    assert read_private(tmp_path / "f") == b"first"
    assert os.listdir(tmp_path) == ["f"]


def test_writing_replaces_and_makes_it_private(tmp_path):
    (tmp_path / "f").write_bytes(b"old")
    (tmp_path / "f").chmod(0o644)
    write_private(tmp_path / "f", b"new")
    assert mode(tmp_path / "f") == 0o600
    assert read_private(tmp_path / "f") == b"new"


def test_what_a_crash_left_does_not_stop_the_next_write(tmp_path):
    (tmp_path / f".f.{os.getpid()}.new").write_bytes(b"half")
    write_private(tmp_path / "f", b"whole")
    assert os.listdir(tmp_path) == ["f"]


def test_a_missing_file_is_none(tmp_path):
    assert read_private(tmp_path / "none") is None


@pytest.mark.parametrize("bits", [0o640, 0o604, 0o620, 0o777])
def test_a_file_that_others_may_read_is_refused(tmp_path, bits):
    path = tmp_path / "f"
    path.write_bytes(b"x")
    path.chmod(bits)
    with pytest.raises(ConfigError, match="others may read") as caught:
        read_private(path)
    assert caught.value.hint == f"run: chmod 600 {path}"


@pytest.mark.root
def test_a_file_of_somebody_else_is_refused(tmp_path):
    path = tmp_path / "f"
    create_private(path, b"x")
    os.chown(path, 12345, 12345)
    with pytest.raises(ConfigError, match="belongs to user 12345") as caught:
        read_private(path)
    assert f"chown {os.geteuid()} {path}" in caught.value.hint


@pytest.mark.root
def test_a_directory_of_somebody_else_is_refused(tmp_path):
    os.chown(tmp_path, 12345, 12345)
    with pytest.raises(ConfigError, match="belongs to user 12345"):
        make_private_directory(tmp_path)


@pytest.mark.parametrize("held", [(), ("node.key", "pangea.db")])
@pytest.mark.parametrize("bits", [0o755, 0o750, 0o777])
def test_our_own_state_directory_is_closed_to_others(tmp_path, caplog, bits, held):
    caplog.set_level("INFO")
    path = tmp_path / "state"
    path.mkdir()
    for name in held:
        (path / name).write_bytes(b"x")
    path.chmod(bits)
    make_private_directory(path)
    assert mode(path) == 0o700
    assert f"{path} is for us alone now" in caplog.text
    caplog.clear()
    make_private_directory(path)
    assert caplog.text == ""


def test_a_directory_that_holds_something_else_keeps_its_mode(tmp_path):
    path = tmp_path / "home"
    (path / "letters").mkdir(parents=True)
    path.chmod(0o755)
    write_private(path / "f", b"x")
    assert mode(path) == 0o755


@pytest.mark.parametrize("bits", [0o1777, 0o1755])
def test_a_sticky_directory_is_everybodys_also_while_it_is_empty(tmp_path, bits):
    path = tmp_path / "tmp"
    path.mkdir()
    path.chmod(bits)
    if bits & 0o022:
        with pytest.raises(ConfigError, match="others may write"):
            make_private_directory(path)
    else:
        make_private_directory(path)
    assert mode(path) == bits


@pytest.mark.root
def test_what_others_put_beside_our_key_keeps_the_directory_refused(tmp_path):
    (tmp_path / "node.key").write_bytes(b"x")
    (tmp_path / "pangea.db").write_bytes(b"planted")
    os.chown(tmp_path / "pangea.db", 12345, 12345)
    tmp_path.chmod(0o777)
    with pytest.raises(ConfigError, match="others may write"):
        make_private_directory(tmp_path)
    assert mode(tmp_path) == 0o777


def test_a_directory_into_which_others_write_is_refused(tmp_path):
    (tmp_path / "theirs").mkdir()
    tmp_path.chmod(0o770)
    with pytest.raises(ConfigError, match="others may write") as caught:
        write_private(tmp_path / "f", b"x")
    assert caught.value.hint == f"run: chmod 700 {tmp_path}"
    assert os.listdir(tmp_path) == ["theirs"]


def test_a_file_in_place_of_the_directory_is_a_clear_error(tmp_path):
    (tmp_path / "state").write_bytes(b"")
    with pytest.raises(ConfigError, match=r"cannot make .*state") as caught:
        create_private(tmp_path / "state" / "f", b"x")
    assert "--state-dir" in caught.value.hint


def test_a_directory_in_place_of_the_file_is_a_clear_error(tmp_path):
    with pytest.raises(ConfigError, match=r"is not a file|cannot read"):
        read_private(tmp_path)


def test_a_huge_file_is_not_read(tmp_path):
    write_private(tmp_path / "f", bytes(65_537))
    with pytest.raises(ConfigError, match="at most 65536 bytes"):
        read_private(tmp_path / "f")
