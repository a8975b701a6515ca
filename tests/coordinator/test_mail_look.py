"""An outage as it arrives by mail, at a real server: words, chart, HTML and link."""

import asyncio
import email
from email import policy

import pytest

from pangea.core.alerts_table import AlertsTable
from pangea.core.channel import Channel
from pangea.core.config import NodeConfig
from tests.alerts.mail_server import MailServer
from tests.coordinator.pager import Site


@pytest.fixture
async def mx():
    async with MailServer() as server:
        yield server


async def mailed(world, mx, seconds=20.0):
    alerting = world.coordinator.alerting
    alerting.configure(NodeConfig(alerts=AlertsTable(allow=("127.0.0.0/8",))))
    alerting.reached_at("https://pangea.example")
    options = mx.options()
    await alerting.channels.add(
        Channel(id=0, org=1, name="mail", type="email", options=options, created_us=1)
    )
    site = await Site.begin(world)
    await site.down(site.jobs[0])
    async with asyncio.timeout(seconds):
        while not mx.handler.mails:
            await asyncio.sleep(0.02)
    return site, email.message_from_bytes(
        mx.handler.mails[-1][2], policy=policy.default
    )


async def test_a_mail_has_the_chart_the_link_and_the_same_as_html(world, mx):
    _, mail = await mailed(world, mx)
    plain, html = (part.get_content() for part in mail.iter_parts())
    assert "Acknowledge  https://pangea.example/ack/" in plain
    assert "The last 5m: p95 of each " in plain
    assert "×" in plain
    assert plain.rstrip().rpartition("\n")[2].startswith("Told by the rule default")
    assert "[ACKNOWLEDGE]" in html
    assert "<pre" in html
    assert "src=" not in html


async def test_a_database_that_does_not_answer_costs_the_chart_alone(
    world, mx, monkeypatch
):
    def slow(*_):
        raise TimeoutError

    monkeypatch.setattr(world.coordinator.past, "history", slow)
    _, mail = await mailed(world, mx)
    plain, html = (part.get_content() for part in mail.iter_parts())
    assert "The last 5m" not in plain
    assert "DOWN since" in plain
    assert "[ACKNOWLEDGE]" in html
