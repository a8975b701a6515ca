"""Options as they are stored: secrets sealed, and of headers those that sound so."""

from collections.abc import Mapping
from typing import Any

from pangea.core import credentials
from pangea.vault import Vault


def sealed(
    vault: Vault, options: Mapping[str, Any], secret: frozenset[str], place: str
) -> dict[str, Any]:
    """Return *options* with the *secret* ones sealed for *place*."""
    given, headers = dict(options), options.get("headers")
    if isinstance(headers, str) and credentials.has_credentials(headers):
        secret |= {"headers"}
    elif headers:
        given["headers"] = _sealed_headers(vault, headers, f"{place}/headers")
    return vault.seal_options(given, secret, place)


def opened(vault: Vault, options: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Return what was ``sealed`` for *place*; ConfigError if it does not open."""
    found = vault.open_options(options, place)
    if headers := found.get("headers"):
        found["headers"] = _opened_headers(vault, headers, f"{place}/headers")
    return found


def _sealed_headers(vault: Vault, headers: Any, place: str) -> Any:
    """Return *headers* with those sealed that sound like credentials."""
    if isinstance(headers, Mapping):
        secret = frozenset(filter(credentials.sounds_secret, headers))
        return vault.seal_options(headers, secret, place)
    if not isinstance(headers, list):
        return headers
    marks = enumerate(credentials.secret_lines(headers))
    secret = frozenset(str(at) for at, mark in marks if mark)
    return [*vault.seal_options(_numbered(headers), secret, place).values()]


def _opened_headers(vault: Vault, headers: Any, place: str) -> Any:
    if isinstance(headers, Mapping):
        return vault.open_options(headers, place)
    if not isinstance(headers, list):
        return headers
    return [*vault.open_options(_numbered(headers), place).values()]


def _numbered(lines: list[Any]) -> dict[str, Any]:
    return {str(at): line for at, line in enumerate(lines)}
