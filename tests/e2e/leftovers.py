"""What a test may have left running."""

from pathlib import Path


def alive(place: Path) -> list[str]:
    """Return the command lines of all processes that name *place*."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if str(place) in line:
                found.append(line)
    return found
