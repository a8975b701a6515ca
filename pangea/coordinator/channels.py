"""Channels in memory, their secrets open; sealed in the database and nowhere else."""

import asyncio
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from pangea.alerts.notifier import Notifier, Sender
from pangea.alerts.registry import checked_options, notifier_class
from pangea.alerts.sending import Guarded
from pangea.alerts.tools import Tools
from pangea.core.channel import Channel
from pangea.core.errors import Conflict, NotFound, UsageError
from pangea.core.model import FIRST_ORG
from pangea.core.options import nearest
from pangea.core.text import safe_text
from pangea.storage import channels as stored
from pangea.storage.database import Store
from pangea.vault import Vault

from .new_job import NAME
from .sealed_options import opened, sealed

#: Channels that an organisation may have.
MOST_CHANNELS = 200


class Channels:
    """The channels by id, also while the database refuses.

    ``users`` tell by which names a channel is used, so that none is removed that
    is; ``changed`` are called after a change.
    """

    def __init__(self, store: Store, vault: Vault, tools: Tools | None = None) -> None:
        self._store, self._vault = store, vault
        self._channels: dict[int, Channel] = {}
        self._notifiers: dict[str, Notifier] = {}
        self._changing = asyncio.Lock()
        self.tools = tools or Tools()
        self.users: list[Callable[[Channel], list[str]]] = []
        self.changed: list[Callable[[], None]] = []

    def equip(self, tools: Tools) -> None:
        """Send with *tools* from now on."""
        self.tools = tools
        self._notifiers.clear()

    async def load(self) -> None:
        """Read all channels; ConfigError if the vault's key is not the right one."""
        found = await self._store.read(stored.all)
        self._channels = {one.id: self._opened(one) for one in found}

    def all(self, org: int = FIRST_ORG) -> list[Channel]:
        """Return the channels of an organisation, the oldest first."""
        return [one for one in self._channels.values() if one.org == org]

    def get(self, name: str, org: int = FIRST_ORG) -> Channel:
        """Return the channel called *name*; NotFound names the nearest one."""
        mine = {one.name: one for one in self.all(org)}
        if name not in mine:
            hint = nearest(name, mine) if mine else "add one: pangea channel add"
            raise NotFound(f"there is no channel {safe_text(name, 63)!r}", hint=hint)
        return mine[name]

    def by_id(self, number: int) -> Channel | None:
        """Return a channel, None if it is gone."""
        return self._channels.get(number)

    def open_channel(self, channel: Channel) -> tuple[Sender, Any]:
        """Return what sends over *channel*, and what to give it as options.

        Raises UsageError if its options are none any more, as another version or
        another configuration may have it.
        """
        return (
            Guarded(self.notifier(channel.type)),
            checked_options(channel.type, channel.options),
        )

    def notifier(self, type_: str) -> Notifier:
        """Return the one notifier of a type. Raises UsageError."""
        if type_ not in self._notifiers:
            self._notifiers[type_] = notifier_class(type_)(self.tools)
        return self._notifiers[type_]

    async def add(self, channel: Channel) -> Channel:
        """Store a new channel. Raises UsageError, Conflict."""
        async with self._changing:
            await self._check(channel)
            if len(self.all(channel.org)) >= MOST_CHANNELS:
                raise Conflict(f"there are {MOST_CHANNELS} channels already")
            kept = self._sealed(channel)
            number = (await self._store.write(lambda: stored.add(kept))).id
            return self._put(replace(channel, id=number))

    async def replace(self, channel: Channel) -> Channel:
        """Store a changed channel. Raises UsageError, Conflict."""
        async with self._changing:
            await self._check(channel)
            if channel.id not in self._channels:
                raise NotFound(f"channel {channel.name!r} has been removed")
            kept = self._sealed(channel)
            await self._store.write(lambda: stored.update(kept))
            return self._put(channel)

    async def remove(self, channel: Channel) -> None:
        """Forget a channel; Conflict names what uses it."""
        used = [name for users in self.users for name in users(channel)]
        if used:
            raise Conflict(
                f"channel {channel.name!r} is used by {', '.join(sorted(used))}",
                hint="let them use another channel first, or disable this one: "
                f"pangea channel edit {channel.name} --disable",
            )
        async with self._changing:
            await self._store.write(lambda: stored.remove(channel.id))
            self._channels.pop(channel.id, None)
        self._tell()

    async def _check(self, channel: Channel) -> None:
        if not NAME.fullmatch(channel.name):
            raise UsageError(
                f"{safe_text(channel.name, 63)!r} is no channel name",
                hint="use 1 to 63 of: a-z 0-9 . _ -",
            )
        options = checked_options(channel.type, channel.options)
        await self.notifier(channel.type).check(options)
        same = [one for one in self.all(channel.org) if one.name == channel.name]
        if any(one.id != channel.id for one in same):
            raise Conflict(
                f"there is a channel {channel.name!r} already",
                hint=f"give another name, or: pangea channel edit {channel.name}",
            )

    def _put(self, channel: Channel) -> Channel:
        self._channels[channel.id] = channel
        self._tell()
        return channel

    def _tell(self) -> None:
        for tell in self.changed:
            tell()

    def _sealed(self, channel: Channel) -> Channel:
        secret = notifier_class(channel.type).SECRETS
        kept = sealed(self._vault, channel.options, secret, _place(channel))
        return replace(channel, options=kept)

    def _opened(self, channel: Channel) -> Channel:
        found = opened(self._vault, channel.options, _place(channel))
        return replace(channel, options=found)


def _place(channel: Channel) -> str:
    # What never changes of a channel and is known before it has an id.
    return f"org/{channel.org}/channel/{channel.created_us}"
