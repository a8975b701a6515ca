"""Acknowledging by the link of a message: without a login, once, and on record."""

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
from pangea.web.ack_pages import MOST_NOTE, AckShown
from pangea.web.schema import moment

from .channels import Channels
from .judging import Decided

if TYPE_CHECKING:
    from .coordinator import Coordinator

#: So many links that were used are remembered, for when the database refuses.
MOST_USED = 10_000
_NONE = "this link is none of ours, or whom it went to has changed"


class AckLinks:
    """Makes the links of messages, and does what they are for."""

    def __init__(
        self, coordinator: "Coordinator", channels: Channels, key: bytes
    ) -> None:
        self._c, self._channels, self._key = coordinator, channels, key
        self._used: dict[str, None] = {}

    def url(self, it: Notification, base: str) -> str:
        """Return the link for what is told, "" if there is nothing to take care of."""
        incident = self._c.incidents.known.get(it.notice.incident)
        channel = self._channels.by_id(it.channel)
        ends = it.is_over or it.kind == "acknowledged"
        if not base or ends or incident is None or channel is None:
            return ""
        link = AckLink(
            org=it.org,
            incident=incident.id,
            reopened=incident.reopened,
            channel=it.channel,
            told=it.id,
            until_s=it.made_us // 1_000_000 + LASTS_S,
        )
        return f"{base}/ack/{make_token(link, self._key, self._recipients(channel))}"

    def in_words(self, it: Notification) -> bool:
        """Tell whether the words must say the link: mail shows no buttons."""
        channel = self._channels.by_id(it.channel)
        return channel is not None and channel.type == "email"

    async def look(self, token: str) -> AckShown:
        """Return what a link is for. Raises NotFound if it is none."""
        signed, channel = self._genuine(token)
        incident = await self._incident(signed)
        state = await self._state(signed, incident)
        return self._shown(incident, channel, state)

    async def use(self, token: str, by: str, text: str) -> AckShown:
        """Acknowledge; *by* is whoever is known to ask, "" if nobody is.

        Raises NotFound if it is no link, Conflict if it is worth nothing any more.
        """
        signed, channel = self._genuine(token)
        incident = await self._incident(signed)
        state = await self._state(signed, incident)
        # From here on nothing waits: of two who use it at once one is the first.
        if state != "ready" or signed.number in self._used:
            raise Conflict("this link was used, or there is nothing to acknowledge")
        self._remember(signed.number)
        decided = Decided()
        said = safe_text(" ".join(text.split()), MOST_NOTE)
        who = by or f"the link to {channel.name}"
        step = acknowledge(incident, who, said, self._now_us())
        data = {"link": signed.number, "channel": channel.name}
        step = replace(
            step, entries=tuple(replace(one, data=data) for one in step.entries)
        )
        self._c.incidents.put(step, decided)
        await self._c.intake.note(decided)
        return self._shown(step.incident, channel, "used")

    def _genuine(self, token: str) -> tuple[Signed, Channel]:
        signed = read_token(token)
        channel = self._channels.by_id(signed.link.channel) if signed else None
        if signed is None or channel is None or channel.org != signed.link.org:
            raise NotFound(_NONE, hint="log in and acknowledge it there")
        if not signed.is_genuine(self._key, self._recipients(channel)):
            raise NotFound(_NONE, hint="log in and acknowledge it there")
        return signed, channel

    async def _incident(self, signed: Signed) -> Incident:
        link = signed.link
        found = self._c.incidents.known.get(link.incident)
        if found is None or found.org != link.org:
            found = await self._c.store.read(
                lambda: stored.one(link.org, link.incident)
            )
        if found is None:
            raise NotFound("that incident is not kept any more")
        return found

    async def _state(self, signed: Signed, incident: Incident) -> str:
        """Return ``ready``, or why a link is worth nothing now."""
        if self._now_us() > signed.link.until_s * 1_000_000:
            return "expired"
        if incident.merged_into:
            return "merged"
        if not incident.is_open or incident.reopened != signed.link.reopened:
            return "over"
        lines = await self._c.store.read(lambda: stored.timeline(incident.id))
        used = {entry.data.get("link") for entry in lines} | self._used.keys()
        if signed.number in used:
            return "used"
        return "taken" if incident.acked_us and not incident.news else "ready"

    def _shown(self, incident: Incident, channel: Channel, state: str) -> AckShown:
        names = [member.name for member in incident.members.values()]
        return AckShown(
            state=state,
            title=safe_text(incident.title if len(names) > 1 else names[0], 200),
            verdict=incident.verdict,
            reason=safe_text(incident.reason, 300),
            since=moment(incident.since_us or incident.opened_us),
            channel=channel.name,
            incident=incident.id,
            by=safe_text(incident.acked_by, 100),
            at=moment(incident.acked_us) if incident.acked_us else "",
            text=safe_text(incident.ack_text, MOST_NOTE),
            drill=incident.drill,
        )

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

    def _now_us(self) -> int:
        return round(self._c.clock.wall() * 1e6)
