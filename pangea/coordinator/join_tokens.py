"""The one-time tokens of this coordinator: made, proven, used up, never revived."""

import logging
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from pangea.core.clock import Clock
from pangea.core.errors import ConfigError, Conflict, NotFound, UsageError
from pangea.core.text import safe_text
from pangea.mesh.join_token import JoinToken
from pangea.storage import tokens
from pangea.storage.database import Store
from pangea.storage.tokens import MOST_OPEN, StoredToken
from pangea.vault import Vault

log = logging.getLogger(__name__)

DEFAULT_S = 3600.0
LONGEST_S = 86400.0
SHORTEST_S = 10.0
#: What was used or has ended is remembered for so long, in the lists and for the node
#: that used it, which may have lost what it was given.
KEPT_S = 30 * 86400.0
FORGET_EVERY_S = 3600.0
_ENDED = {"expired": "has expired", "withdrawn": "was withdrawn"}


class Held(Struct, frozen=True):
    """A token in memory: what proves it, and when it is over by a clock that runs."""

    stored: StoredToken
    proof: bytes
    ends: float


class JoinTokens:
    """Every token that may still open a door, by its id."""

    def __init__(self, store: Store, vault: Vault, key: bytes, clock: Clock) -> None:
        self._store = store
        self._vault = vault
        self._key = key
        self._clock = clock
        self._held: dict[bytes, Held] = {}
        self._ended: dict[bytes, str] = {}
        self._forgot = 0.0

    async def load(self) -> None:
        """Read the stored tokens; what is over by now is over for good."""
        now_us = self._now_us()
        await self._store.write(lambda: tokens.expire(now_us))
        await self._forget()
        for stored in await self._store.read(tokens.all):
            if stored.state not in ("open", "used"):
                self._ended[stored.id] = stored.state
                continue
            try:
                proof = self._vault.open(stored.secret, _place(stored.id))
            except ConfigError as error:
                log.warning("a join token is lost: %s", error)
                continue
            self._hold(stored, proof)

    async def mint(
        self,
        org: int,
        by: str,
        addresses: Sequence[str],
        *,
        expires_s: float = DEFAULT_S,
        approve: bool = False,
        site: str = "",
    ) -> JoinToken:
        """Return a new token and store it, its secret sealed.

        Raises UsageError for a life that is too short or too long, and Conflict if
        too many are open.
        """
        if not SHORTEST_S <= expires_s <= LONGEST_S:
            raise UsageError(
                f"a join token lives 10s to 1d, not {expires_s:g} s",
                hint="make one when it is needed: pangea worker token --expires 1h",
            )
        await self.expire()
        held = [held.stored.state for held in self._held.values()]
        if held.count("open") >= MOST_OPEN:
            raise Conflict(f"{MOST_OPEN} join tokens are open already")
        wall = self._clock.wall()
        token = JoinToken.fresh(self._key, wall + expires_s, addresses)
        stored = StoredToken(
            id=token.id,
            org=org,
            secret=self._vault.seal(token.proof, _place(token.id)),
            approve=approve,
            site=site,
            created_us=round(wall * 1e6),
            created_by=by,
            expires_us=round((wall + expires_s) * 1e6),
        )
        await self._store.write(lambda: tokens.add(stored))
        self._hold(stored, token.proof)
        return token

    async def listed(self, org: int) -> list[StoredToken]:
        """Return the tokens of *org* that are not forgotten yet, oldest first."""
        await self.expire()
        return [t for t in await self._store.read(tokens.all) if t.org == org]

    async def withdraw(self, org: int, name: str) -> None:
        """Close the token whose id is *name* in hexadecimal, before its time.

        Raises NotFound if there is none, and Conflict if it is not open any more.
        """
        found = [t for t in await self.listed(org) if t.id.hex() == name.lower()]
        if not found:
            raise NotFound(
                f"there is no join token {safe_text(name, 40)!r}",
                hint="its id is in `pangea worker token --list`",
            )
        token = found[0]
        if not await self._store.write(lambda: tokens.withdraw(token.id)):
            state = next(t.state for t in await self.listed(org) if t.id == token.id)
            hint = "to shut out who used it: pangea worker revoke" * (state == "used")
            raise Conflict(f"that join token is {state} already", hint=hint)
        self._held.pop(token.id, None)
        self._ended[token.id] = "withdrawn"

    def why_not(self, token: bytes) -> str:
        """Return why *token* opens nothing, for the log: that it was is no secret."""
        if token in self._held:
            return "this join token has expired"
        state = self._ended.get(token)
        if state is None:
            return "no such join token was made here"
        return f"this join token {_ENDED.get(state, 'is over')}"

    def get(self, token: bytes) -> Held | None:
        """Return the token that may open the door now, or None.

        One that was used opens it for the node that used it, and for nobody else.
        """
        held = self._held.get(token)
        if held is None or (held.stored.state == "open" and self._over(held)):
            return None
        return held

    def consume(self, token: StoredToken, key: bytes) -> None:
        """Use *token* up for *key*; call it where the node is registered.

        Raises NotAllowed if another one was faster, or it has expired.
        """
        tokens.consume(token.id, key, self._now_us())

    def consumed(self, held: Held, key: bytes) -> None:
        """Take it that ``consume`` has been committed; it may have ended meanwhile."""
        now_us = self._now_us()
        used = replace(held.stored, state="used", used_by=key, used_us=now_us)
        self._held[used.id] = Held(used, held.proof, held.ends)

    async def expire(self) -> None:
        """Close what is over, so that no clock set back opens it again."""
        over = [
            held.stored.id
            for held in self._held.values()
            if held.stored.state == "open" and self._over(held)
        ]
        if self._clock.boot() - self._forgot >= FORGET_EVERY_S:
            await self._forget()
        if not over:
            return
        await self._store.write(lambda: tokens.close(over))
        for token in over:
            # Unless somebody was just in time.
            if token in self._held and self._held[token].stored.state == "open":
                del self._held[token]
                self._ended[token] = "expired"

    async def _forget(self) -> None:
        """Forget what ended long ago."""
        self._forgot = self._clock.boot()
        before_us = self._now_us() - round(KEPT_S * 1e6)
        for token in await self._store.write(lambda: tokens.forget(before_us)):
            self._held.pop(token, None)
            self._ended.pop(token, None)

    def _hold(self, stored: StoredToken, proof: bytes) -> None:
        left = stored.expires_us / 1e6 - self._clock.wall()
        self._held[stored.id] = Held(stored, proof, self._clock.boot() + left)

    def _over(self, held: Held) -> bool:
        return (
            self._clock.boot() >= held.ends
            or self._clock.wall() * 1e6 >= held.stored.expires_us
        )

    def _now_us(self) -> int:
        return round(self._clock.wall() * 1e6)


def _place(token: bytes) -> str:
    return f"join-token/{token.hex()}"
