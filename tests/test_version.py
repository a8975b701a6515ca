"""Versions come from tags, in a checkout, in an archive and in a source package."""

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from packaging.version import Version

from pangea.version import FIRST, tagged, version_of

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("described", "version"),
    [
        pytest.param("v1.2.3", "1.2.3", id="at the tag"),
        pytest.param("v1.2.3-12-g0a1b2c3", "1.2.3+12.g0a1b2c3", id="later"),
        pytest.param("v1.2.3-dirty", "1.2.3+dirty", id="changed at the tag"),
        pytest.param("v1.2.3-1-gab-dirty", "1.2.3+1.gab.dirty", id="changed later"),
        pytest.param("v2.0-rc1", "2.0rc1", id="a candidate"),
        pytest.param("v2.0rc1-3-gab", "2.0rc1+3.gab", id="after a candidate"),
        pytest.param("v1-of-the-logo", "", id="another tag"),
        pytest.param("", "", id="no tag"),
    ],
)
def test_a_version_is_what_git_describes(described: str, version: str) -> None:
    assert version_of(described) == version


def test_later_commits_have_higher_versions() -> None:
    said = ["v1.2.3rc1", "v1.2.3", "v1.2.3-2-gff", "v1.2.3-12-gaa", "v1.2.4"]
    made = [Version(version_of(one)) for one in said]
    assert made == sorted(made)
    assert Version(f"{FIRST}.dev7+gaa") < Version(f"{FIRST}.dev12+gaa") < Version(FIRST)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository that holds our version's own module, and one commit."""
    place = tmp_path / "checkout"
    (place / "pangea").mkdir(parents=True)
    shutil.copy(ROOT / "pangea" / "version.py", place / "pangea")
    shutil.copy(ROOT / ".gitattributes", place)
    git(place, "init", "--quiet")
    commit(place)
    return place


def git(place: Path, *asked: str) -> str:
    own = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.org")
    command = ["git", *own, "-c", "commit.gpgsign=false", "-C", str(place), *asked]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    return ran.stdout.strip()


def commit(place: Path) -> str:
    git(place, "add", ".")
    git(place, "commit", "--quiet", "--allow-empty", "--message", "Go on")
    return git(place, "rev-parse", "--short", "HEAD")


def told(place: Path) -> str:
    command = [sys.executable, "-I", place / "pangea" / "version.py"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    return ran.stdout.strip()


def archived(checkout: Path, place: Path) -> str:
    place.mkdir()
    file = place / "archive.tar"
    git(checkout, "archive", "--output", str(file), "HEAD")
    with tarfile.open(file) as tar:
        tar.extractall(place / "archive", filter="data")
    return told(place / "archive")


def test_a_checkout_knows_it_by_its_tag(checkout: Path) -> None:
    first = git(checkout, "rev-parse", "--short", "HEAD")
    assert told(checkout) == f"{FIRST}.dev1+g{first}"
    git(checkout, "tag", "v1.2.3")
    assert told(checkout) == "1.2.3"
    later = commit(checkout)
    assert told(checkout) == f"1.2.3+1.g{later}"
    git(checkout, "tag", "v1.3.0-hotfix")
    assert told(checkout) == f"1.2.3+1.g{later}"
    (checkout / ".gitattributes").write_text("# changed\n")
    assert told(checkout) == f"1.2.3+1.g{later}.dirty"


def test_a_shallow_clone_says_that_it_does_not_know(
    checkout: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    git(checkout, "tag", "v1.2.3")
    commit(checkout)
    latest, clone = commit(checkout), tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--depth", "1", checkout.as_uri(), str(clone))
    said = tagged(clone, "")
    assert said.startswith(f"{FIRST}+g{latest[:7]}")
    assert "git fetch --unshallow --tags" in capfd.readouterr().err


def test_an_archive_without_git_knows_it_as_well(
    checkout: Path, tmp_path: Path
) -> None:
    first = git(checkout, "rev-parse", "--short", "HEAD")
    assert archived(checkout, tmp_path / "a") == f"{FIRST}.dev0+g{first}"
    git(checkout, "tag", "v1.2.3")
    assert archived(checkout, tmp_path / "b") == "1.2.3"
    later = commit(checkout)
    git(checkout, "tag", "v1.3.0-hotfix")
    assert archived(checkout, tmp_path / "c") == f"1.2.3+1.g{later}"


def test_a_source_package_has_it_in_its_metadata(tmp_path: Path) -> None:
    text = "Metadata-Version: 2.4\nName: pangea\nVersion: 1.2.3\n\nVersion: 9\n"
    (tmp_path / "PKG-INFO").write_text(text)
    assert tagged(tmp_path) == "1.2.3"


def test_sources_that_nobody_described_are_older_than_any_release(
    tmp_path: Path,
) -> None:
    assert Version(tagged(tmp_path)) < Version(FIRST)
