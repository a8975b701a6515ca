"""Join tokens as finished view data: the list, and one that was just made."""

from collections.abc import Sequence

from msgspec import Struct

from pangea.core.text import safe_text

from .schema_tokens import TokenAnswer, TokenState
from .text import t
from .words import When, when

#: Tokens that the page names, the newest ones.
MOST = 20


class TokenRow(Struct, frozen=True):
    """A token: what became of it, and who used it."""

    id: str
    state: str
    css: str
    brings: str
    made: When | None
    by: str
    until: str
    used: When | None
    worker: str
    can_withdraw: bool


class Minted(Struct, frozen=True):
    """A token that was just made, shown this once."""

    command: str
    until: str
    note: str
    addresses: list[str]


class TokenForm(Struct, frozen=True):
    """What is in the form."""

    expires: str = "1h"
    site: str = ""
    approve: bool = False


def token_rows(tokens: Sequence[TokenState], now: str) -> list[TokenRow]:
    """Return the newest tokens, those that open something first."""
    newest = sorted(tokens, key=lambda token: token.created_at, reverse=True)
    newest.sort(key=lambda token: token.state != "open")
    return [_row(token, now) for token in newest[:MOST]]


def _row(token: TokenState, now: str) -> TokenRow:
    brings = [t("workers.approves") if token.approve else t("workers.waits")]
    if token.site:
        brings.append(t("workers.in_region", site=safe_text(token.site, 63)))
    until = when(token.expires_at, now)
    return TokenRow(
        id=token.id,
        state=t(f"workers.token_{token.state}"),
        css="up" if token.state == "open" else "paused",
        brings=", ".join(brings),
        made=when(token.created_at, now),
        by=safe_text(token.created_by, 63),
        until=until.exact if until else "",
        used=when(token.used_at, now),
        worker=safe_text(token.worker or token.used_by or "", 63),
        can_withdraw=token.state == "open",
    )


def minted_view(token: TokenAnswer, now: str) -> Minted:
    """Return the token with the command that uses it."""
    until = when(token.expires_at, now)
    return Minted(
        command=token.command,
        until=until.exact if until else "",
        note=safe_text(token.note, 300),
        addresses=[safe_text(one, 200) for one in token.addresses],
    )
