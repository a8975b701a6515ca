"""Which version this is: the newest tag of the repository says it.

At the tag ``v1.2.3`` it is 1.2.3, and twelve commits later 1.2.3+12.g0a1b2c3: newer
than 1.2.3 and older than 1.2.4, for pip as for dpkg. It is asked when Pangea is built;
what is installed knows it from its metadata. setuptools runs this file by itself, so
it imports nothing of ours.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

#: Before there is any tag we are on the way to this one.
FIRST = "0.1.0"
#: Filled in by ``git archive`` (.gitattributes): what git describe says, the commit.
ARCHIVED = "$Format:%(describe:tags=true,match=v[0-9]*,exclude=v*-[!abr]*)$ $Format:%h$"
_DESCRIBED = re.compile(
    r"v(\d+(?:\.\d+)*)(?:-?((?:a|b|rc)\d+))?(?:-(\d+)-(g[0-9a-f]+))?(?:-(dirty))?"
)
_ASKED_S = 10
#: So many tags that name no version, such as v1.3.0-hotfix, are passed over.
_MOST_TAGS = 20
_SHALLOW = (
    "this clone is shallow and has no tag, so nobody knows which version it is:"
    " get them by git fetch --unshallow --tags"
)


def version_of(described: str) -> str:
    """Return the version for the words of ``git describe``; "" if they name none."""
    found = _DESCRIBED.fullmatch(described)
    if found is None:
        return ""
    number, early, *local = found.groups(default="")
    since = ".".join(filter(None, local))
    return number + early + (f"+{since}" if since else "")


def tagged(root: Path = Path(__file__).parents[1], archived: str = ARCHIVED) -> str:
    """Return the version of the sources in *root*.

    By git; where that is not, by what ``git archive`` or ``python -m build`` left.
    """
    return (
        (_by_git(root) if (root / ".git").exists() else "")
        or _by_archive(archived)
        or _by_metadata(root / "PKG-INFO")
        or f"{FIRST}.dev0"
    )


def _by_git(root: Path) -> str:
    if found := _by_tag(root):
        return found
    commit = _git(root, "describe", "--always", "--dirty", "--exclude", "*")
    count = _git(root, "rev-list", "--count", "HEAD")
    if not (commit and count):
        return ""
    local = f"+g{commit.replace('-', '.')}"
    if _git(root, "rev-parse", "--is-shallow-repository") == "true":
        # A count of what was fetched says nothing, and would look old.
        print(_SHALLOW, file=sys.stderr)
        return FIRST + local
    return f"{FIRST}.dev{count}{local}"


def _by_tag(root: Path) -> str:
    """Return the version by the newest tag that names one; "" if none does."""
    asked = ["describe", "--tags", "--match", "v[0-9]*"]
    for _ in range(_MOST_TAGS):
        described = _git(root, *asked, "--dirty")
        found = version_of(described)
        if found or not described:
            return found
        asked += ["--exclude", _git(root, *asked, "--abbrev=0")]
    return ""


def _git(root: Path, *asked: str) -> str:
    # Root may build what belongs to somebody else; that code is run here anyway.
    command = ["git", "-c", "safe.directory=*", "-C", str(root), *asked]
    try:
        ran = subprocess.run(
            command,
            capture_output=True,
            text=True,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
            timeout=_ASKED_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ran.stdout.strip() if ran.returncode == 0 else ""


def _by_archive(archived: str) -> str:
    if archived.startswith("$"):
        return ""
    described, _, commit = archived.rpartition(" ")
    return version_of(described) or f"{FIRST}.dev0+g{commit}"


def _by_metadata(file: Path) -> str:
    try:
        head = file.read_text().partition("\n\n")[0]
    except OSError:
        return ""
    found = re.search(r"^Version: (\S+)$", head, re.MULTILINE)
    return found[1] if found else ""


if __name__ == "__main__":
    print(tagged())
