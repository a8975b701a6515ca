"""A secret that nobody gave again does not go to another place. Pure.

Who may change a channel or a job may not read its secrets; without this they could
send them to a server of their own.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from pangea.core.credentials import MASK, has_credentials, sounds_secret
from pangea.core.errors import UsageError
from pangea.core.model import Job
from pangea.core.options import secret_names
from pangea.probes.base import probe_class
from pangea.probes.target import parse_url

#: The options of probes that say where their secrets go, or that they go in the clear.
WAYS = ("proxy", "resolver", "tls")


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
    kept += [f"headers.{name}" for name in _kept_headers(old, new, given)]
    _refuse(kept)


def refuse_moved_job(old: Job, new: Job, given: Mapping[str, Any]) -> None:
    """Raise UsageError if *new* asks another place with secrets that *old* had.

    *given* are the options that were said now.
    """
    if _asks(old) == _asks(new):
        return
    secret = secret_names(probe_class(old.type).Options)
    kept = [name for name in sorted(secret) if _is_kept(old.options, given, name)]
    headers = given.get("headers", MASK)
    if MASK in str(headers) and has_credentials(old.options.get("headers")):
        kept.append("headers")
    _refuse(kept)


def _refuse(kept: list[str]) -> None:
    if kept:
        raise UsageError(
            f"it would go elsewhere with secrets that are not yours: {', '.join(kept)}",
            hint="give them again along with the new place, or take them away",
        )


def _is_kept(old: Mapping[str, Any], given: Mapping[str, Any], name: str) -> bool:
    return bool(old.get(name)) and given.get(name, MASK) == MASK


def _kept_headers(
    old: Mapping[str, Any], new: Mapping[str, Any], given: Mapping[str, Any]
) -> list[str]:
    """Return the *new* headers that hold an old secret, however they are written."""
    before, after, said = (one.get("headers") or {} for one in (old, new, given))
    if not all(isinstance(one, Mapping) for one in (before, after, said)):
        return []
    secrets = [v for name, v in before.items() if v and sounds_secret(name)]
    return [
        name
        for name, value in sorted(after.items())
        if value in secrets and said.get(name, MASK) == MASK
    ]


def _asks(job: Job) -> tuple[object, ...]:
    """Return where the secrets of a job go: its server, and the way there."""
    at: object = job.target.strip().lower()
    if job.type == "http":
        at = parse_url(job.target).origin
    return (at, *(str(job.options.get(way) or "").lower() for way in WAYS))


def _place(options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what says where a channel leads: server, port, and in the clear or not."""
    text = str(options.get("url") or "")
    rest = (str(options.get(key) or "") for key in ("host", "port", "tls"))
    try:
        url = urlsplit(text)
    except ValueError:  # It is none, which is for others to say.
        return (text, *rest)
    return (url.scheme, url.netloc.lower(), *rest)
