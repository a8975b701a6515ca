"""Writes the licences of Pangea and of every part that is bundled with it."""

import os
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

#: What is needed to build, and stays behind.
TOOLS = frozenset({"altgraph", "packaging", "pip", "setuptools", "wheel"})
NAMES = ("LICENSE", "LICENCE", "COPYING", "NOTICE", "AUTHORS")


def parts() -> list[metadata.Distribution]:
    """Return what is installed beside us, by name."""
    named = {
        found.metadata["Name"].lower(): found for found in metadata.distributions()
    }
    return [
        named[name]
        for name in sorted(named)
        if name not in TOOLS and not name.startswith("pyinstaller")
    ]


def licence(part: metadata.Distribution) -> str:
    """Return the name of a part's licence."""
    told = part.metadata
    classified = [
        line.rpartition(" :: ")[2]
        for line in told.get_all("Classifier") or ()
        if line.startswith("License :: ")
    ]
    short = told.get("License", "").partition("\n")[0]
    named = told.get("License-Expression") or ", ".join(classified) or short
    return named or ("as below" if any(texts(part)) else "?")


def texts(part: metadata.Distribution) -> Iterator[str]:
    """Yield the files of a part that state its licence."""
    for file in part.files or ():
        if file.name.upper().startswith(NAMES) and ".dist-info" in str(file):
            path = Path(str(file.locate()))
            if path.is_file():
                yield path.read_text(errors="replace").strip()


def chapters(found: list[metadata.Distribution]) -> Iterator[str]:
    """Yield the list of all parts, then the texts of each."""
    rows = [f"{p.metadata['Name']} {p.version}: {licence(p)}" for p in found]
    rows.append("PyInstaller (its loader): GPL-2.0-or-later, with an exception")
    rows += [f"Python {sys.version.split()[0]}: PSF-2.0", "JetBrains Mono: OFL-1.1"]
    yield "Pangea and what is bundled with it\n\n" + "\n".join(rows)
    for part in found:
        whole = "\n\n".join(texts(part)) or licence(part)
        yield f"{'=' * 78}\n{part.metadata['Name']} {part.version}\n\n{whole}"
    python = Path(sys.base_prefix, "lib", f"python{sys.version_info[0]}."
                  f"{sys.version_info[1]}", "LICENSE.txt")  # fmt: skip
    if python.is_file():
        yield f"{'=' * 78}\nPython\n\n{python.read_text(errors='replace').strip()}"


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.parent.mkdir(parents=True, exist_ok=True)
    found = parts()
    unknown = [p.metadata["Name"] for p in found if licence(p) == "?"]
    # Whole at once: `make binary` and `make deb` may both be at it.
    new = target.with_suffix(f".{os.getpid()}")
    new.write_text("\n\n".join(chapters(found)) + "\n")
    new.replace(target)
    print(f"{len(found)} parts in {target}")
    sys.exit(f"no licence is known of: {', '.join(unknown)}" if unknown else 0)
