"""Libraries in archives are put in place by the first import that needs them."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest

from pangea.later import LATER, unpack, unpack_later


@pytest.fixture
def unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory as the loader leaves it, with an archive for two modules."""
    (tmp_path / LATER).mkdir()
    with ZipFile(tmp_path / LATER / "later_one+later_two.zip", "w") as zipped:
        zipped.writestr("later_one/__init__.py", "from .deep import WORD\n")
        zipped.writestr("later_one/deep.py", "WORD = 'found'\n")
        zipped.writestr("later_two.py", "import later_one\n")
    monkeypatch.setattr(sys, "_MEIPASS", str(tmp_path), raising=False)
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    yield tmp_path
    for name in ("later_one", "later_one.deep", "later_two"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("name", ["later_one", "later_two"])
def test_an_import_puts_the_libraries_in_place(unpacked: Path, name: str) -> None:
    unpack_later()
    assert not (unpacked / "later_one").exists()
    importlib.import_module(name)
    assert sys.modules["later_one"].WORD == "found"


def test_an_import_after_one_that_failed_tries_again(unpacked: Path) -> None:
    unpack_later()
    (unpacked / "later_one").write_text("in the way of the directory")
    with pytest.raises(OSError, match="later_one"):
        importlib.import_module("later_two")
    (unpacked / "later_one").unlink()
    assert importlib.import_module("later_two")
    assert not list(unpacked.rglob("*.py.*"))


def test_another_import_unpacks_nothing(unpacked: Path) -> None:
    unpack_later()
    importlib.import_module("colorsys")
    assert {path.name for path in unpacked.iterdir()} == {LATER}


def test_what_another_process_has_put_there_stays(unpacked: Path) -> None:
    (unpacked / "later_two.py").write_text("MINE = True\n")
    unpack(str(unpacked / LATER / "later_one+later_two.zip"), str(unpacked))
    assert (unpacked / "later_two.py").read_text() == "MINE = True\n"
    assert (unpacked / "later_one" / "deep.py").exists()
    assert not list(unpacked.rglob("*.py.*"))


def test_an_installed_program_unpacks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "meta_path", before := list(sys.meta_path))
    unpack_later()
    assert sys.meta_path == before
