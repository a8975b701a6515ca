"""The environment for programs that we start: without what is ours alone."""

from collections.abc import Mapping

#: What the frozen program's loader sets, so that it finds its own libraries. Other
#: programs would load ours instead of theirs, and crash.
_LIBRARY_PATHS = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LIBPATH")
_LOADER = ("_PYI_", "PYINSTALLER_")
#: What systemd says to this process and no other.
_SERVICE = frozenset({"NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "LISTEN_PID"})


def for_others(environment: Mapping[str, str], *, frozen: bool) -> dict[str, str]:
    """Return *environment* as a program that is not ours should find it.

    Library paths are as they were before the loader of the *frozen* program changed
    them; settings of Pangea, which may be secrets, are left out.
    """
    kept = {
        name: value
        for name, value in environment.items()
        if not name.startswith(("PANGEA_", *_LOADER)) and name not in _SERVICE
    }
    for name in _LIBRARY_PATHS if frozen else ():
        before = kept.pop(f"{name}_ORIG", "")
        kept.pop(name, None)
        if before:
            kept[name] = before
    return kept
