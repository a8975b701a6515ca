"""A backup that was tampered with is refused, in words and in bounded memory."""

import io
import tracemalloc

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pangea.backup import archive, seal
from pangea.backup.archive import Contents, Piece
from pangea.backup.make import back_up, check, read_header
from pangea.backup.restore import restore
from pangea.backup.seal import SealedReader, SealedWriter
from pangea.core.errors import ConfigError, PangeaError, StorageError
from pangea.storage.snapshot import Facts
from tests.backup.conftest import KEY

NOTHING = Facts("0001_initial", {})


@pytest.fixture
def made(source, tmp_path):
    path = tmp_path / "f.backup"
    back_up(source, path, KEY)
    return path


def test_no_cut_of_it_is_believed(made):
    whole = made.read_bytes()
    for size in [0, 5, 17, 18, 40, 400, 700, len(whole) // 2, len(whole) - 1]:
        made.write_bytes(whole[:size])
        with pytest.raises(StorageError, match=r"no backup|damaged"):
            check(made, KEY, None)
    made.write_bytes(whole + b"x")
    with pytest.raises(StorageError, match="something follows"):
        check(made, KEY, None)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.data())
def test_no_flipped_bit_is_believed(made, data):
    whole = bytearray(made.read_bytes())
    kept = bytes(whole)
    at = data.draw(st.integers(0, len(whole) - 1) | st.integers(0, 800))
    whole[at] ^= 1 << data.draw(st.integers(0, 7))
    made.write_bytes(whole)
    try:
        with pytest.raises(PangeaError):
            check(made, KEY, None)
    finally:
        made.write_bytes(kept)


def test_huge_lengths_take_no_memory(made):
    whole = made.read_bytes()
    size = int.from_bytes(whole[14:18], "big")
    chunk = 18 + size + 32 + 24
    tracemalloc.start()
    for at in (14, chunk):
        made.write_bytes(whole[:at] + b"\xff\xff\xff\xff" + whole[at + 4 :])
        with pytest.raises(StorageError, match="damaged"):
            check(made, KEY, None)
    assert tracemalloc.get_traced_memory()[1] < 4 << 20
    tracemalloc.stop()


def test_a_header_that_asks_for_all_memory_is_refused(made):
    reader = SealedReader(io.BytesIO(made.read_bytes()), made)
    key = msgspec.structs.replace(
        reader.header.key, kind="passphrase", ops=3, memory=1 << 40
    )
    file = io.BytesIO()
    SealedWriter(file, msgspec.structs.replace(reader.header, key=key), bytes(32))
    made.write_bytes(file.getvalue())
    with pytest.raises(StorageError, match="asks for 3 rounds over"):
        check(made, archive.Given("passphrase", b"correct horse"), None)


def crafted(path, pieces, content=b"", facts=NOTHING, **header):
    """Write what somebody with the key may write."""
    terms, key = KEY.fresh()
    raw = msgspec.json.encode(Contents(tuple(pieces), facts))
    head = {
        "version": "9", "made_at": "2026-01-01T00:00:00+00:00", "cluster": "x",
        "node": "n", "schema": "0001_initial", "key": terms, **header,
    }  # fmt: skip
    with path.open("wb") as file:
        writer = SealedWriter(file, seal.Header(**head), key)
        writer.write(len(raw).to_bytes(4, "big") + raw + content)
        writer.finish()


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/passwd", "worker/../../evil", "lock", "", "x" * 9000]
)
def test_no_name_leads_out_of_the_directory(tmp_path, name):
    path, place = tmp_path / "f", tmp_path / "state"
    crafted(path, [Piece(name, 3), Piece("pangea.db", 0)], b"bad")
    with pytest.raises(StorageError, match="damaged: it holds"):
        restore(path, KEY, place)
    assert not (tmp_path / "evil").exists()
    assert [p.name for p in place.iterdir()] == ["lock"]


@pytest.mark.parametrize(
    "pieces",
    [
        [],
        [Piece("node.key", 32)],
        [Piece("node.key", 1 << 40), Piece("pangea.db", 0)],
        [Piece("node.key", -1), Piece("pangea.db", 0)],
        [Piece("node.key", 0), Piece("node.key", 0), Piece("pangea.db", 0)],
        [Piece("pangea.db", -5)],
    ],
)
def test_no_odd_list_of_files_is_believed(tmp_path, pieces):
    crafted(tmp_path / "f", pieces)
    with pytest.raises(StorageError, match="damaged"):
        check(tmp_path / "f", KEY, None)


def test_a_size_that_fits_on_no_disk_is_refused_before_anything_is_written(tmp_path):
    crafted(tmp_path / "f", [Piece("pangea.db", 1 << 60)])
    with pytest.raises(StorageError, match="has room for"):
        check(tmp_path / "f", KEY, None)


def test_a_database_that_is_none_is_refused(tmp_path):
    crafted(tmp_path / "f", [Piece("pangea.db", 5)], b"hello")
    with pytest.raises(StorageError, match="cannot be read"):
        restore(tmp_path / "f", KEY, tmp_path / "state")


@pytest.mark.parametrize(
    ("said", "match"),
    [
        ({"format": 2}, "format 2, this Pangea reads 1"),
        ({"engine": "postgresql"}, "a database on postgresql"),
        ({"schema": "0999_future"}, "schema 0999_future, made by Pangea 9"),
        ({"schema": "../../x"}, "schema"),
    ],
)
def test_what_a_later_pangea_made_is_refused_with_what_to_do(tmp_path, said, match):
    crafted(tmp_path / "f", [Piece("pangea.db", 0)], **said)
    with pytest.raises(ConfigError, match=match) as caught:
        restore(tmp_path / "f", KEY, tmp_path / "state")
    assert caught.value.hint
    assert not (tmp_path / "state").exists()


def test_something_else_is_no_backup(tmp_path):
    (tmp_path / "f").write_text("hello")
    with pytest.raises(StorageError, match="no backup of Pangea"):
        read_header(tmp_path / "f")
    with pytest.raises(StorageError, match="no such file"):
        read_header(tmp_path / "g")
    with pytest.raises(StorageError, match="it is no file"):
        read_header(tmp_path)
