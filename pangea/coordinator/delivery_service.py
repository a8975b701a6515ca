"""Deliveries as the web sees them (``pangea.web.api_deliveries``)."""

from typing import Any

from pangea.core.errors import Conflict, NotFound
from pangea.core.notification import DEAD, DROPPED, SENDING, SENT, WAITING, Notification
from pangea.core.text import safe_text
from pangea.storage import outbox as stored
from pangea.storage.outbox import Attempt
from pangea.web.api_deliveries import DeliveriesQuery
from pangea.web.schema import Page, moment
from pangea.web.schema_alerts import AttemptAnswer, DeliveryAnswer, DeliveryDetail

from .coordinator import Coordinator


class DeliveryService:
    """Reads the log; hands what is to be tried again to the outbox."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._c = coordinator
        self._channels = coordinator.alerting.channels
        self._outbox = coordinator.alerting.paging.outbox

    async def deliveries(self, org: int, asked: DeliveriesQuery) -> Page:
        """Return a page of DeliveryAnswer, newest first."""
        channel = self._channels.get(asked.channel, org).id if asked.channel else None
        found, after = await self._c.store.read(
            lambda: stored.page(
                org,
                state=asked.state or "",
                channel=channel,
                incident=asked.incident or "",
                limit=asked.limit,
                cursor=asked.cursor,
            )
        )
        items = [DeliveryAnswer(**self._said(it)) for it in found]
        return Page(items=items, next=after)

    async def delivery(self, org: int, id_: str) -> DeliveryDetail:
        """Return one with each attempt."""
        it = await self._find(org, id_)
        attempts = await self._c.store.read(lambda: stored.attempts(it.message))
        return DeliveryDetail(
            **self._said(it),
            attempts=[_attempt(one) for one in attempts if it.message],
            facts=dict(it.notice.facts),
        )

    async def retry(self, org: int, id_: str) -> DeliveryAnswer:
        """Try again at once; Conflict if it was sent, or is being sent."""
        it = await self._find(org, id_)
        lane = self._outbox.lane(it.channel)
        if it.state == SENT:
            raise Conflict(f"{id_} was sent already")
        if it.state == SENDING and it.id in lane.pending:
            raise Conflict(f"{id_} is being sent now")
        channel = self._channels.by_id(it.channel)
        if channel is None or not channel.enabled:
            raise Conflict(
                "its channel is gone or disabled", hint="see: pangea channel list"
            )
        if it.state in (DEAD, DROPPED):
            it = await self._outbox.revive(it)
        else:
            lane.hurry()
        return DeliveryAnswer(**self._said(it))

    async def _find(self, org: int, id_: str) -> Notification:
        found = await self._c.store.read(lambda: stored.one(org, id_))
        if found is None:
            raise NotFound(
                f"no delivery {safe_text(id_, 40)!r}", hint="see: pangea delivery list"
            )
        return found

    def _said(self, it: Notification) -> dict[str, Any]:
        channel, notice = self._channels.by_id(it.channel), it.notice
        waits = it.state in (WAITING, SENDING)
        return {
            "id": it.id,
            "at": moment(it.made_us),
            "state": it.state,
            "kind": it.kind,
            "severity": notice.severity,
            "title": notice.title,
            "reason": notice.reason,
            "step": it.step,
            "rule": it.rule_name,
            "channel": channel.name if channel else "",
            "incident": notice.incident or None,
            "job": notice.facts.get("job"),
            "message": it.message,
            "tries": it.tries,
            "sent_at": moment(it.sent_us) if it.sent_us else None,
            "next_try_at": moment(it.next_us) if waits and it.next_us else None,
            "answer": it.answer,
            "drill": notice.drill,
        }


def _attempt(one: Attempt) -> AttemptAnswer:
    return AttemptAnswer(
        at=moment(one.at_us),
        took_ms=round(one.took_ms, 1),
        outcome=one.outcome,
        answer=one.answer,
    )
