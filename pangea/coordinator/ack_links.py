"""Acknowledging by the link of a message: without a login, once, and on record."""

from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from pangea.core.ack_link import LASTS_S, AckLink, Signed, make_token, read_token
from pangea.core.channel import Channel
from pangea.core.errors import Conflict, NotFound, PangeaError
from pangea.core.incident import Incident
from pangea.core.notification import Notification
from pangea.core.remarks import acknowledge
from pangea.core.text import safe_text
from pangea.storage import incidents as stored
from pangea.storage import outbox
from pangea.web.ack_pages import MOST_NOTE, AckShown

from .ack_state import is_news, shown, state_of
from .channels import Channels
from .decided import Decided

if TYPE_CHECKING:
    from .coordinator import Coordinator

#: So many links that were used are remembered, for when the database refuses.
MOST_USED = 10_000
#: What so many lists told is remembered, for when their rows are not written yet.
MOST_LISTS = 50
#: Of a list so many are acknowledged at once.
SOME = 200
_NONE = "this link is none of ours, or whom it went to has changed"

#: An incident, and how often it had opened again when it was told.
Told = tuple[Incident, int]


class AckLinks:
    """Makes the links of messages, and does what they are for."""

    def __init__(
        self, coordinator: "Coordinator", channels: Channels, key: bytes
    ) -> None:
        self._c, self._channels, self._key = coordinator, channels, key
        self._used: dict[str, None] = {}
        self._lists: dict[str, dict[str, int]] = {}

    def url(self, them: list[Notification], base: str) -> str:
        """Return the link for what is told, "" if there is nothing to take care of."""
        first, known = them[0], self._c.incidents.known
        channel = self._channels.by_id(first.channel)
        waits = [it for it in them if it.notice.incident in known and is_news(it)]
        if not base or not waits or channel is None:
            return ""
        alone = known[first.notice.incident] if len(them) == 1 else None
        if alone is None:
            self._remember_list(them)
        link = AckLink(
            org=first.org,
            incident=alone.id if alone else "",
            reopened=alone.reopened if alone else 0,
            channel=first.channel,
            told=first.id if alone else first.message,
            until_s=min(it.made_us for it in them) // 1_000_000 + LASTS_S,
        )
        return f"{base}/ack/{make_token(link, self._key, self._recipients(channel))}"

    def in_words(self, it: Notification) -> bool:
        """Tell whether the words must say the link: mail shows no buttons."""
        channel = self._channels.by_id(it.channel)
        return channel is not None and channel.type == "email"

    async def look(self, token: str) -> AckShown:
        """Return what a link is for. Raises NotFound if it is none."""
        signed, channel = self._genuine(token)
        told = await self._told(signed)
        state, ready = await self._state(signed, told)
        return shown(ready or [one for one, _ in told], channel.name, state)

    async def use(self, token: str, by: str, text: str) -> AckShown:
        """Acknowledge; *by* is whoever is known to ask, "" if nobody is.

        Raises NotFound if it is no link, Conflict if it is worth nothing any more.
        """
        signed, channel = self._genuine(token)
        told = await self._told(signed)
        state, ready = await self._state(signed, told)
        # From here on nothing waits: of two who use it at once one is the first.
        if state != "ready" or signed.number in self._used:
            raise Conflict("this link was used, or there is nothing to acknowledge")
        self._remember(signed.number)
        said = safe_text(" ".join(text.split()), MOST_NOTE)
        who = by or f"the link to {channel.name}"
        data = {"link": signed.number, "channel": channel.name}
        done: list[Incident] = []
        for begin in range(0, len(ready), SOME):
            decided = Decided()
            for incident in filter(_is_open, map(self._now, ready[begin:][:SOME])):
                step = acknowledge(incident, who, said, self._now_us())
                noted = tuple(replace(one, data=data) for one in step.entries)
                self._c.incidents.put(replace(step, entries=noted), decided)
                done.append(step.incident)
            await self._c.intake.note(decided)
        return shown(done or ready, channel.name, "used")

    def _now(self, incident: Incident) -> Incident:
        """Return *incident* as it is now: while many are written, time goes by."""
        return self._c.incidents.known.get(incident.id, incident)

    def _genuine(self, token: str) -> tuple[Signed, Channel]:
        signed = read_token(token)
        channel = self._channels.by_id(signed.link.channel) if signed else None
        if signed is None or channel is None or channel.org != signed.link.org:
            raise NotFound(_NONE, hint="log in and acknowledge it there")
        if not signed.is_genuine(self._key, self._recipients(channel)):
            raise NotFound(_NONE, hint="log in and acknowledge it there")
        return signed, channel

    async def _told(self, signed: Signed) -> list[Told]:
        """Return the incidents that a message told of. Raises NotFound."""
        link, store = signed.link, self._c.store
        told = {link.incident: link.reopened}
        if not link.incident:
            told = self._lists.get(link.told, {}) or await store.read(
                lambda: outbox.incidents_in(link.org, link.channel, link.told)
            )
        found: list[Told] = []
        for number, reopened in told.items():
            one = self._c.incidents.known.get(number)
            # Of a list that what is not known any more is over goes without saying.
            if one is None and (link.incident or not found):
                one = await store.read(partial(stored.one, link.org, number))
            if one is not None and one.org == link.org:
                found.append((one, reopened))
        if not found:
            raise NotFound("that incident is not kept any more")
        return found

    async def _state(
        self, signed: Signed, told: list[Told]
    ) -> tuple[str, list[Incident]]:
        """Return ``ready`` and what would be acknowledged, or why nothing would be."""
        if self._now_us() > signed.link.until_s * 1_000_000:
            return "expired", []
        states = {one.id: state_of(one, reopened) for one, reopened in told}
        ready = [one for one, _ in told if states[one.id] == "ready"]
        if len(told) == 1:
            (one, _), *_ = told
            used = states[one.id] in ("ready", "taken") and await self._was_used(
                signed, one
            )
            return ("used", []) if used else (states[one.id], ready)
        # What was acknowledged once is not again by a link for many.
        ready = [one for one in ready if not one.acked_us]
        if signed.number in self._used or not ready:
            left = (s for s in ("taken", "merged", "over") if s in states.values())
            return "used" if signed.number in self._used else next(left, "taken"), []
        return "ready", ready

    async def _was_used(self, signed: Signed, incident: Incident) -> bool:
        if signed.number in self._used:
            return True
        lines = await self._c.store.read(lambda: stored.timeline(incident.id))
        return signed.number in {entry.data.get("link") for entry in lines}

    def _recipients(self, channel: Channel) -> str:
        """Return whom a channel reaches, which links are bound to."""
        try:
            notifier = self._channels.notifier(channel.type)
            _, options = self._channels.open_channel(channel)
            return f"{channel.type} {notifier.place(options)}"
        except PangeaError:
            return ""

    def _remember(self, number: str) -> None:
        while len(self._used) >= MOST_USED:
            del self._used[next(iter(self._used))]
        self._used[number] = None

    def _remember_list(self, them: list[Notification]) -> None:
        message = them[0].message
        self._lists.pop(message, None)
        while len(self._lists) >= MOST_LISTS:
            del self._lists[next(iter(self._lists))]
        listed = sorted(them, key=lambda it: (it.made_us, it.id))
        incidents = (it for it in listed if it.notice.incident)
        told = {it.notice.incident: outbox.times(it.alert) for it in incidents}
        self._lists[message] = told

    def _now_us(self) -> int:
        return round(self._c.clock.wall() * 1e6)


def _is_open(incident: Incident) -> bool:
    return incident.is_open
