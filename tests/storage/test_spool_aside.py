"""Files that are set aside stay what they were."""

from pangea.storage.spool_aside import set_aside


def test_what_is_set_aside_in_one_second_overwrites_nothing(tmp_path):
    path, damaged = tmp_path / "spool.db", (b"one", b"two", b"three")
    for content in damaged:
        path.write_bytes(content)
        path.with_name("spool.db-wal").write_bytes(content + b" wal")
        aside = set_aside(path)
        assert aside.read_bytes() == content
        assert path.read_bytes() == b""

    kept = {file.read_bytes() for file in tmp_path.glob("spool.db.damaged-*")}
    assert kept == {*damaged, *(content + b" wal" for content in damaged)}
