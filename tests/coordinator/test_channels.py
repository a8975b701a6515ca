"""Channels of a coordinator: kept sealed, masked everywhere, tried for real."""

import asyncio
import sqlite3

import pytest
from msgspec import json

from pangea.alerts.tools import tools_of
from pangea.coordinator.channel_service import ChannelService
from pangea.coordinator.channels import Channels
from pangea.core.alerts_table import AlertsTable, SmtpTable
from pangea.core.config import NodeConfig, ServerTable
from pangea.core.errors import Conflict, NotFound, UsageError
from pangea.core.options import MASK
from pangea.web.schema_channels import ChannelPatch, ChannelSpec
from tests.alerts.conftest import HERE, message, receiver  # noqa: F401
from tests.coordinator.conftest import VAULT

ORG = 1
SECRET = "s3cret-0123456789"


@pytest.fixture
def service(world):
    channels = world.coordinator.alerting.channels
    channels.equip(tools_of(AlertsTable(allow=HERE, exec=("/bin/true",)), SmtpTable()))
    return ChannelService(world.coordinator)


def gotify(name="phone", url="http://127.0.0.1:9", **more):
    return ChannelSpec(
        name=name, type="gotify", options={"url": url, "token": SECRET}, **more
    )


async def test_a_channel_is_kept_and_its_secret_is_not_told(service, world):
    answer = await service.add(ORG, gotify())
    assert answer.options == {"url": "http://127.0.0.1:9", "token": MASK}
    assert (answer.place, answer.enabled, answer.per_minute) == (
        "127.0.0.1:9",
        True,
        30,
    )
    for told in (
        answer,
        await service.channel(ORG, "phone"),
        await service.channels(ORG),
        service.types(),
    ):
        assert SECRET not in (repr(told) + str(json.encode(told, enc_hook=repr)))


async def test_it_is_there_again_after_a_restart(service, world, store):
    await service.add(
        ORG,
        ChannelSpec(
            name="desk",
            type="webhook",
            options={
                "url": f"http://127.0.0.1:9/{SECRET}",
                "headers": {"Authorization": f"Bearer {SECRET}", "X-Kind": "plain"},
            },
            per_minute=0,
        ),
    )
    again = Channels(store, VAULT)
    await again.load()
    (channel,) = again.all(ORG)
    assert channel.options["url"].endswith(SECRET)
    assert channel.options["headers"]["Authorization"] == f"Bearer {SECRET}"
    assert channel.per_minute == 0


async def test_the_database_holds_no_secret(service, world, tmp_path):
    await service.add(ORG, gotify())
    with sqlite3.connect(tmp_path / "pangea.db") as link:
        (row,) = link.execute("SELECT * FROM channel").fetchall()
    link.close()
    assert SECRET.encode() not in b"".join(p for p in row if isinstance(p, bytes))
    assert SECRET not in str(row)
    files = [path for path in tmp_path.rglob("pangea.db*") if path.is_file()]
    assert files
    assert all(SECRET.encode() not in path.read_bytes() for path in files)


async def test_a_secret_that_is_not_given_stays(service, world):
    await service.add(ORG, gotify())
    channels = world.coordinator.alerting.channels
    for options in (
        {"priority": 5},
        {"token": MASK},
        {"token": MASK, "priority": None},
    ):
        await service.edit(ORG, "phone", ChannelPatch(options=options))
        assert channels.get("phone").options["token"] == SECRET
    assert "priority" not in channels.get("phone").options
    answer = await service.edit(
        ORG, "phone", ChannelPatch(name="mobile", enabled=False, per_minute=3)
    )
    assert (answer.name, answer.enabled, answer.per_minute) == ("mobile", False, 3)
    with pytest.raises(NotFound, match="no channel 'phone'"):
        await service.channel(ORG, "phone")
    await service.edit(ORG, "mobile", ChannelPatch(options={"token": "another-token"}))
    assert channels.get("mobile").options["token"] == "another-token"


async def test_a_secret_goes_nowhere_else_unless_it_is_given_again(service, world):
    await service.add(ORG, gotify())
    hook = {
        "url": "http://127.0.0.1:9/a",
        "headers": {"Authorization": SECRET, "X-Kind": "a"},
    }
    await service.add(ORG, ChannelSpec(name="desk", type="webhook", options=hook))
    for name, options, told in (
        ("phone", {"url": "http://127.0.0.1:8"}, "token"),
        ("phone", {"url": "https://127.0.0.1:9", "token": MASK}, "token"),
        ("desk", {"url": "http://127.0.0.2:9/a"}, r"headers\.Authorization"),
    ):
        with pytest.raises(UsageError, match=f"not yours: {told}$"):
            await service.edit(ORG, name, ChannelPatch(options=options))
    for name, options in (
        ("phone", {"url": "http://127.0.0.1:9/gotify"}),
        ("phone", {"url": "http://127.0.0.1:8", "token": "another-token"}),
        ("desk", {"url": "http://127.0.0.1:9/b"}),
        ("desk", {"url": "http://127.0.0.2:9/", "headers": {"Authorization": None}}),
    ):
        await service.edit(ORG, name, ChannelPatch(options=options))


async def test_masked_headers_stay(service, world):
    options = {
        "url": "http://127.0.0.1:9/x",
        "headers": {"Authorization": SECRET, "X-Kind": "a"},
    }
    spec = ChannelSpec(name="desk", type="webhook", options=options)
    answer = await service.add(ORG, spec)
    assert answer.options["headers"] == {"Authorization": MASK, "X-Kind": "a"}
    changed = {**answer.options["headers"], "X-Kind": "b"}
    await service.edit(ORG, "desk", ChannelPatch(options={"headers": changed}))
    channels = world.coordinator.alerting.channels
    kept = channels.get("desk").options["headers"]
    assert kept == {"Authorization": SECRET, "X-Kind": "b"}
    for headers, left in (
        ({"X-More": "c"}, {"Authorization": SECRET, "X-Kind": "b", "X-More": "c"}),
        ({"Authorization": None, "X-More": None}, {"X-Kind": "b"}),
    ):
        await service.edit(ORG, "desk", ChannelPatch(options={"headers": headers}))
        assert channels.get("desk").options["headers"] == left


@pytest.mark.parametrize(
    ("spec", "error", "said"),
    [
        (gotify(name="Big One"), UsageError, "no channel name"),
        (ChannelSpec(name="a", type="gotfy"), UsageError, "unknown channel type"),
        (ChannelSpec(name="a", type="gotify"), UsageError, "missing"),
        (gotify(url="ftp://x"), UsageError, "wanted a URL"),
        (gotify(url="http://169.254.169.254/"), UsageError, "closed to messages"),
        (
            ChannelSpec(name="a", type="exec", options={"program": "/bin/sh"}),
            UsageError,
            "not among the programs",
        ),
        (
            ChannelSpec(name="a", type="email", options={"to": "a@b.c"}),
            UsageError,
            "no mail server",
        ),
        (
            ChannelSpec(name="a", type="email", options={"to": "a@b.c", "bcc": "x"}),
            UsageError,
            "unknown 'bcc'",
        ),
    ],
)
async def test_what_cannot_work_is_not_kept(spec, error, said, service):
    with pytest.raises(error, match=said):
        await service.add(ORG, spec)
    assert await service.channels(ORG) == []


async def test_a_name_is_given_once(service):
    both = await asyncio.gather(
        service.add(ORG, gotify()), service.add(ORG, gotify()), return_exceptions=True
    )
    assert sum(isinstance(one, Conflict) for one in both) == 1
    await service.add(2, gotify())
    await service.add(ORG, gotify("other"))
    with pytest.raises(Conflict, match="already"):
        await service.edit(ORG, "other", ChannelPatch(name="phone"))
    assert [one.name for one in await service.channels(ORG)] == ["phone", "other"]


async def test_what_is_used_is_not_removed(service, world):
    channels = world.coordinator.alerting.channels
    await service.add(ORG, gotify())
    channels.users.append(lambda channel: ["everything"])
    phone = await service.channel(ORG, "phone")
    assert (phone.used_by, phone.used_as_all) == (["everything"], ["default"])
    with pytest.raises(Conflict, match="used by everything"):
        await service.remove(ORG, "phone")
    channels.users.clear()
    heard = []
    channels.changed.append(lambda: heard.append(1))
    await service.remove(ORG, "phone")
    assert heard == [1]
    assert await service.channels(ORG) == []


async def test_a_test_is_sent_and_its_answer_told(service, world, receiver):  # noqa: F811
    await service.add(ORG, gotify(url=receiver.url, enabled=False))
    tried = await service.test(ORG, "phone", "ann")
    assert (tried.outcome, tried.answer) == ("sent", "200 ok")
    body = json.decode(receiver.got[0][3])
    assert body["title"] == "[TEST] Pangea reaches you over phone"
    assert "for ann" in body["message"]
    receiver.says(429, f"slow down {SECRET}", Retry_After="7")
    tried = await service.test(ORG, "phone", "ann")
    assert (tried.outcome, tried.retry_after_s) == ("later", 7.0)
    assert tried.answer == f"it answered 429: slow down {MASK}"
    receiver.says(400, "what?")
    assert (await service.test(ORG, "phone", "ann")).outcome == "refused"


async def test_one_test_at_a_time(service, receiver):  # noqa: F811
    async def slow(request, body):
        await asyncio.sleep(0.15)
        return await receiver.ok(request, body)

    receiver.answer = slow
    await service.add(ORG, gotify(url=receiver.url))
    both = await asyncio.gather(
        *(service.test(ORG, "phone", "ann") for _ in range(2)), return_exceptions=True
    )
    assert [isinstance(one, Conflict) for one in both] == [False, True]


async def test_what_the_configuration_allows_no_more_is_told(service, world):
    spec = ChannelSpec(name="page", type="exec", options={"program": "/bin/true"})
    assert (await service.add(ORG, spec)).trouble == ""
    world.coordinator.alerting.configure(NodeConfig())
    answer = await service.channel(ORG, "page")
    assert "not among the programs" in answer.trouble
    assert answer.place == "/bin/true"
    tried = await service.test(ORG, "page", "ann")
    assert tried.outcome == "refused"
    assert "alerts.exec" in tried.hint


async def test_where_strangers_reach_us_private_networks_are_closed(service, world):
    await service.add(ORG, gotify(url="http://10.1.2.3/"))
    assert (await service.channel(ORG, "phone")).trouble == ""
    world.coordinator.alerting.configure(NodeConfig(server=ServerTable(public=True)))
    assert "it is private" in (await service.channel(ORG, "phone")).trouble
    opened = AlertsTable(allow=("10.0.0.0/8",))
    public = NodeConfig(server=ServerTable(public=True), alerts=opened)
    world.coordinator.alerting.configure(public)
    assert (await service.channel(ORG, "phone")).trouble == ""


async def test_messages_go_while_the_disk_refuses(service, world, receiver):  # noqa: F811
    await service.add(ORG, gotify(url=receiver.url))
    channels = world.coordinator.alerting.channels
    (channel,) = channels.all(ORG)
    assert channels.by_id(channel.id) is channel
    await world.store.close()
    notifier, options = channels.open_channel(channel)
    assert await notifier.send(message(), options, 5) == "200 ok"
