"""A secret that nobody gave again does not go to another place. Pure.

Who may change a channel may not read its secrets; without this they could send them
to a server of their own.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from pangea.core.credentials import MASK, sounds_secret
from pangea.core.errors import UsageError


def refuse_moved(
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    given: Mapping[str, Any],
    secret: frozenset[str],
) -> None:
    """Raise UsageError if *new* options lead elsewhere with secrets that *old* had.

    *given* are those that were said now: what is said again may go anywhere.
    """
    if _place(old) == _place(new):
        return
    kept = [name for name in sorted(secret) if _is_kept(old, given, name)]
    old_headers, headers = old.get("headers"), given.get("headers") or {}
    if isinstance(old_headers, Mapping) and isinstance(headers, Mapping):
        named = filter(sounds_secret, sorted(old_headers))
        kept += [f"headers.{n}" for n in named if _is_kept(old_headers, headers, n)]
    if kept:
        raise UsageError(
            f"it would go elsewhere with secrets that are not yours: {', '.join(kept)}",
            hint="give them again along with the new place",
        )


def _is_kept(old: Mapping[str, Any], given: Mapping[str, Any], name: str) -> bool:
    return bool(old.get(name)) and given.get(name, MASK) == MASK


def _place(options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what says where a channel leads: server, port, and in the clear or not."""
    url = urlsplit(str(options.get("url") or ""))
    rest = (str(options.get(key) or "") for key in ("host", "port", "tls"))
    return (url.scheme, url.netloc.lower(), *rest)
