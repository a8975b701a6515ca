"""Channels as the web sees them (``pangea.web.api_channels``)."""

import asyncio
import secrets
import time
from typing import Any

import msgspec
from msgspec import NODEFAULT, UNSET
from msgspec.structs import FieldInfo, replace

from pangea.alerts.notifier import Message, NotSent, Refused
from pangea.alerts.registry import NOTIFIERS, checked_options, notifier_class
from pangea.core.channel import Channel
from pangea.core.errors import Conflict, UsageError
from pangea.core.options import laid_over, masked
from pangea.core.text import safe_text
from pangea.web.schema import moment
from pangea.web.schema_channels import (
    ChannelAnswer,
    ChannelPatch,
    ChannelSpec,
    ChannelTest,
    ChannelType,
    OptionAnswer,
)

from .coordinator import Coordinator
from .kept_secrets import refuse_moved

#: Who tests waits for it.
TEST_S = 15.0


class ChannelService:
    """Keeps channels, and tries them."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._c = coordinator
        self._channels = coordinator.alerting.channels
        self._testing: set[int] = set()
        #: Held while one is changed, so that no change undoes another.
        self._editing = asyncio.Lock()

    async def channels(self, org: int) -> list[ChannelAnswer]:
        """Return all of an organisation."""
        return [self._answer(one) for one in self._channels.all(org)]

    async def channel(self, org: int, name: str) -> ChannelAnswer:
        """Return one of them."""
        return self._answer(self._channels.get(name, org))

    def types(self) -> list[ChannelType]:
        """Return what channels may be."""
        return [
            ChannelType(
                name=name,
                does=kind.DOES,
                options=[
                    OptionAnswer(
                        name=one.encode_name,
                        secret=one.encode_name in kind.SECRETS,
                        default=_default(one),
                    )
                    for one in msgspec.structs.fields(kind.Options)
                ],
            )
            for name, kind in NOTIFIERS.items()
        ]

    async def add(self, org: int, spec: ChannelSpec) -> ChannelAnswer:
        """Check and add a channel."""
        channel = Channel(
            id=0,
            org=org,
            name=spec.name,
            type=spec.type,
            options={k: v for k, v in spec.options.items() if v is not None},
            enabled=spec.enabled,
            per_minute=spec.per_minute,
            created_us=round(self._c.clock.wall() * 1e6),
        )
        added = await self._channels.add(channel)
        return self._answer(added)

    async def edit(self, org: int, name: str, patch: ChannelPatch) -> ChannelAnswer:
        """Change a channel; a secret that is not given stays."""
        async with self._editing:
            changed = await self._changed(self._channels.get(name, org), patch)
        return self._answer(changed)

    async def _changed(self, before: Channel, patch: ChannelPatch) -> Channel:
        changes: dict[str, Any] = {
            key: value
            for key in ("name", "enabled", "per_minute")
            if (value := getattr(patch, key)) is not UNSET
        }
        if patch.options is not UNSET:
            changes["options"] = over = _over(before.options, patch.options)
            secret = notifier_class(before.type).SECRETS
            refuse_moved(before.options, over, patch.options, secret)
        return await self._channels.replace(replace(before, **changes))

    async def remove(self, org: int, name: str) -> None:
        """Remove a channel that nothing uses."""
        await self._channels.remove(self._channels.get(name, org))

    async def test(self, org: int, name: str, by: str) -> ChannelTest:
        """Send a message that says that it is a test, now; also if it is disabled."""
        channel = self._channels.get(name, org)
        if channel.id in self._testing:
            raise Conflict(f"channel {name!r} is being tested already")
        self._testing.add(channel.id)
        try:
            return await self._tested(channel, by)
        finally:
            self._testing.discard(channel.id)

    async def _tested(self, channel: Channel, by: str) -> ChannelTest:
        begun, outcome, hint, wait_s = time.perf_counter(), "sent", "", None
        try:
            notifier, options = self._channels.open_channel(channel)
            answer = await notifier.send(self._message(channel, by), options, TEST_S)
        except NotSent as error:
            outcome, answer, hint = "later", str(error), error.hint
            wait_s = error.retry_after_s
        except (Refused, UsageError) as error:
            outcome, answer, hint = "refused", str(error), error.hint
        return ChannelTest(
            channel=channel.name,
            outcome=outcome,
            answer=answer,
            hint=hint,
            took_ms=round((time.perf_counter() - begun) * 1000, 1),
            retry_after_s=wait_s,
        )

    def _message(self, channel: Channel, by: str) -> Message:
        at_us, id_ = round(self._c.clock.wall() * 1e6), f"test-{secrets.token_hex(8)}"
        asked = f" for {safe_text(by, 63)}" if by else ""
        name = self._c.alerting.name
        here = f" ({name})" if name else ""
        return Message(
            id=id_,
            thread=id_,
            kind="test",
            severity="info",
            at_us=at_us,
            subject=f"Pangea reaches you over {channel.name}",
            text=f"This is a test of the channel {channel.name}{asked}, at "
            f"{moment(at_us)[:19].replace('T', ' ')} UTC.\n"
            f"Nothing is wrong. Alerts of this coordinator{here} would come here.",
            data={"channel": channel.name, "type": channel.type},
        )

    def _answer(self, channel: Channel) -> ChannelAnswer:
        place, trouble = self._place(channel)
        users = {name for users in self._channels.users for name in users(channel)}
        shape = notifier_class(channel.type).Options
        return ChannelAnswer(
            name=channel.name,
            type=channel.type,
            place=place,
            enabled=channel.enabled,
            per_minute=channel.per_minute,
            options=masked(shape, channel.options),
            used_by=sorted(users),
            used_as_all=self._c.alerting.paging.rules.of_all_channels(channel.org),
            trouble=trouble,
            created_at=moment(channel.created_us),
        )

    def _place(self, channel: Channel) -> tuple[str, str]:
        """Return where a channel leads, and why nothing gets there, if so."""
        try:
            options = checked_options(channel.type, channel.options)
            notifier = self._channels.notifier(channel.type)
        except UsageError as error:
            return "", str(error)
        try:
            notifier.possible(options)
        except UsageError as error:
            return notifier.place(options), str(error)
        return notifier.place(options), ""


def _over(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Return the options *old* with *new* over them, header by header."""
    both = laid_over(old, new)
    if isinstance(both.get("headers"), dict) and "headers" in new:
        headers = {**(old.get("headers") or {}), **both["headers"]}
        both["headers"] = {k: v for k, v in headers.items() if v is not None}
    return both


def _default(field: FieldInfo) -> str | None:
    """Return a default as a person would write it; None: it must be given."""
    if field.default is NODEFAULT and field.default_factory is NODEFAULT:
        return None
    made = field.default_factory() if callable(field.default_factory) else field.default
    if isinstance(made, bool):
        return str(made).lower()
    return "" if made in ("", (), {}, None) else str(made)
