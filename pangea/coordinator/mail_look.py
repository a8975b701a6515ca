"""What mail shows beside the words: the last hours as a chart, and all as HTML."""

import asyncio
import logging
import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from pangea.alerts.notifier import Message
from pangea.core.alert_html import mail_html
from pangea.core.channel import Channel
from pangea.core.chart import ascii_chart
from pangea.core.durations import format_duration
from pangea.core.errors import PangeaError
from pangea.core.uptime import Span
from pangea.storage.history import Point

from .judging import FAULTS

if TYPE_CHECKING:
    from .coordinator import Coordinator

log = logging.getLogger(__name__)

#: What the chart shows, in steps, columns and rows.
PAST_S, POINTS, WIDTH, HEIGHT = 3 * 3600, 120, 60, 5
#: Of a job that is younger: since it was added, but so much at least.
LEAST_S = 300
#: A message does not wait longer for it.
PATIENCE_S = 0.5


class MailLook:
    """Completes messages that go out by mail; whatever fails costs no message."""

    def __init__(self, coordinator: "Coordinator") -> None:
        self._c = coordinator

    async def dress(self, message: Message, channel: Channel) -> Message:
        """Return *message* with chart and HTML, if *channel* is one of mail."""
        if channel.type != "email":
            return message
        try:
            chart = await self._chart(channel.org, str(message.data.get("job", "")))
            return replace(
                message,
                text=_with_chart(message.text, chart),
                html=mail_html(
                    message.subject,
                    message.text,
                    message.data,
                    colour=message.severity,
                    chart=chart,
                    ack_url=message.ack_url,
                ),
            )
        except FAULTS:
            log.exception("the HTML of message %s failed", message.id)
            return message

    async def _chart(self, org: int, name: str) -> list[str]:
        """Return the lines of the last hours of a job, none if it is not known."""
        found = [j for j in self._c.board.jobs.values() if j.org == org]
        job = next((j for j in found if name and j.name == name), None)
        if job is None:
            return []
        now_us = round(self._c.clock.wall() * 1e6)
        young_us = min(job.created_at_us, now_us - LEAST_S * 1_000_000)
        whole = Span(max(now_us - PAST_S * 1_000_000, young_us), now_us)
        try:
            async with asyncio.timeout(PATIENCE_S):
                history, _ = await self._c.store.read(
                    lambda: self._c.past.history(job, whole, POINTS, None)
                )
        except (PangeaError, TimeoutError) as error:
            log.info("a mail goes without its chart: %s", error)
            return []
        return _drawn(history.points, history.step_s, whole)


def _drawn(points: list[Point], step_s: int, whole: Span) -> list[str]:
    if not any(point.ok + point.failed for point in points):
        return []
    lines = ascii_chart(
        [_value(point) for point in points],
        width=min(WIDTH, len(points)),
        height=HEIGHT,
        start_label=_clock(whole.begin_us),
        end_label=f"{_clock(whole.end_us)} UTC",
    )
    lasts = format_duration(round((whole.end_us - whole.begin_us) / 1e6))
    each = format_duration(step_s)
    title = f"The last {lasts}: p95 of each {each}, × where something failed"
    return [title, "", *(line.rstrip() for line in lines)]


def _value(point: Point) -> float | None:
    """Return what is drawn of a step: a failure, a duration, or nothing."""
    if point.failed:
        return None
    return math.nan if point.p95_ms is None else point.p95_ms


def _clock(at_us: int) -> str:
    return f"{datetime.fromtimestamp(at_us / 1e6, UTC):%H:%M}"


def _with_chart(text: str, chart: list[str]) -> str:
    """Return *text* with the chart before its last paragraph, which says who told."""
    if not chart:
        return text
    before, _, last = text.rpartition("\n\n")
    return "\n\n".join((before or last, "\n".join(chart), *([last] if before else [])))
