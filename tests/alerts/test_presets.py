"""Every preset against a receiver that checks the payload as documented."""

import pytest

from pangea.alerts.notifier import Refused
from pangea.alerts.registry import NOTIFIERS, checked_options
from pangea.alerts.sending import Guarded
from tests.alerts import services
from tests.alerts.conftest import message
from tests.alerts.services import service

#: All that is hostile at once: quotes, mentions, markup, control characters, length.
NASTY = message(
    subject='"@everyone" <!channel> *x* \\ [a](http://evil) ü\r\nX: y ' + "s" * 2000,
    text="@here <b>&\x00\x1b[31m```\n" + "é" * 60_000,
)
BEARER = {"Authorization": "Bearer tok-12345678"}


def has(headers):
    return lambda request: all(request.headers.get(k) == v for k, v in headers.items())


CASES = {
    "slack": (services.Slack, {"url": "{}/services/T0/B0/xyz"}, 200, "ok", {}),
    "discord": (services.Discord, {"url": "{}/api/webhooks/1/xyz"}, 204, "", {}),
    "teams": (services.Teams, {"url": "{}/workflows/xyz"}, 202, "", {}),
    "mattermost": (services.Mattermost, {"url": "{}/hooks/xyz"}, 200, "ok", {}),
    "matrix": (
        services.Matrix,
        {"url": "{}", "room": "!a/b:example.org", "token": "tok-12345678"},
        200,
        '{"event_id":"$1"}',
        BEARER,
    ),
    "telegram": (
        services.Telegram,
        {"url": "{}", "token": "123:ABC-def", "chat": "-1001"},
        200,
        '{"ok":true}',
        {},
    ),
    "ntfy": (
        services.Ntfy,
        {"url": "{}", "topic": "alerts-x", "token": "tok-12345678"},
        200,
        '{"id":"x"}',
        BEARER,
    ),
    "gotify": (
        services.Gotify,
        {"url": "{}", "token": "tok-12345678"},
        200,
        '{"id":1}',
        {"X-Gotify-Key": "tok-12345678"},
    ),
    "pagerduty": (
        services.Pagerduty,
        {"url": "{}/v2/enqueue", "routing_key": "R012345678"},
        202,
        '{"status":"success"}',
        {},
    ),
    "opsgenie": (
        services.Opsgenie,
        {"url": "{}", "api_key": "key-12345678", "teams": "network"},
        202,
        '{"result":"Request will be processed"}',
        {"Authorization": "GenieKey key-12345678"},
    ),
}
PATHS = {
    "matrix": "/_matrix/client/v3/rooms/!a/b:example.org/send/m.room.message/",
    "telegram": "/bot123:ABC-def/sendMessage",
    "ntfy": "/",
    "gotify": "/message",
    "pagerduty": "/v2/enqueue",
    "opsgenie": "/v2/alerts",
}


def opened(type_, receiver, tools, **more):
    """Return the notifier, and its options for *receiver*."""
    given = {k: v.format(receiver.url) for k, v in CASES[type_][1].items()}
    return Guarded(NOTIFIERS[type_](tools)), checked_options(type_, given | more)


def test_every_preset_is_tried():
    assert set(CASES) | {"email", "webhook", "exec", "apprise"} == set(NOTIFIERS)


@pytest.mark.parametrize("said", [message(), NASTY, message(text="", url="")])
@pytest.mark.parametrize("type_", CASES)
async def test_a_service_takes_what_it_documents(type_, said, receiver, tools):
    shape, _, status, answer, headers = CASES[type_]
    taken = service(receiver, shape, status, answer, also=has(headers))
    notifier, options = opened(type_, receiver, tools)
    assert (await notifier.send(said, options, 5)).startswith(str(status))
    assert len(taken) == 1
    method, path, _, body = receiver.got[0]
    assert method == ("PUT" if type_ == "matrix" else "POST")
    assert path.startswith(PATHS.get(type_, "/"))
    assert len(body) < 300_000


@pytest.mark.parametrize("type_", CASES)
async def test_a_drill_and_a_test_say_so(type_, receiver, tools):
    notifier, options = opened(type_, receiver, tools)
    await notifier.send(message(drill=True), options, 5)
    await notifier.send(message(kind="test", severity="info"), options, 5)
    drill, test = (got[3].decode().replace("\\", "") for got in receiver.got)
    assert "[DRILL]" in drill
    assert "[TEST]" in test


@pytest.mark.parametrize("type_", ["pagerduty", "opsgenie"])
async def test_a_pager_is_resolved_and_acknowledged_by_the_thread(
    type_, receiver, tools
):
    notifier, options = opened(type_, receiver, tools)
    for kind in ("down", "acknowledged", "recovered"):
        await notifier.send(message(kind=kind), options, 5)
    said = [f"{path} {body.decode()}" for _, path, _, body in receiver.got]
    assert all("inc-7" in one for one in said)
    wanted = ['"trigger"', '"acknowledge"', '"resolve"']
    if type_ == "opsgenie":
        wanted = ["/v2/alerts ", "/inc-7/acknowledge ", "/inc-7/close "]
    assert [w in one for w, one in zip(wanted, said, strict=True)] == [True] * 3
    pager = type_ == "pagerduty"
    shape = services.PagerAck if pager else services.OpsgenieNote
    by_alias = {} if pager else {"identifierType": "alias"}
    taken = service(
        receiver,
        shape,
        202,
        "",
        also=lambda asked: asked.method == "POST" and asked.query == by_alias,
    )
    for kind in ("acknowledged", "recovered"):
        assert (await notifier.send(message(kind=kind), options, 5)) == "202"
    assert len(taken) == 2
    if pager:
        assert [one.event_action for one in taken] == ["acknowledge", "resolve"]
        assert {one.dedup_key for one in taken} == {"inc-7"}


@pytest.mark.parametrize("type_", ["pagerduty", "opsgenie"])
async def test_of_a_list_only_what_is_taken_care_of_is_acknowledged(
    type_, receiver, tools
):
    notifier, options = opened(type_, receiver, tools)
    both = {"settles": ["b-2"], "acknowledges": ["a-1"]}
    await notifier.send(message(kind="down", data=both), options, 5)
    said = [f"{path} {body.decode()}" for _, path, _, body in receiver.got]
    assert [
        name in one for name, one in zip(("inc-7", "a-1", "b-2"), said, strict=True)
    ]
    assert "acknowledge" in said[1]
    receiver.got.clear()
    rest = {"settles": [], "acknowledges": []}
    taken = await notifier.send(message(kind="acknowledged", data=rest), options, 5)
    assert (taken, receiver.got) == ("there was nothing to send", [])


@pytest.mark.parametrize("type_", ["pagerduty", "opsgenie"])
async def test_what_a_message_settles_is_resolved(type_, receiver, tools):
    notifier, options = opened(type_, receiver, tools)
    await notifier.send(message(data={"settles": ["a-1", "b-2"]}), options, 5)
    said = " ".join(f"{path} {body.decode()}" for _, path, _, body in receiver.got)
    assert len(receiver.got) == 3
    assert all(thread in said for thread in ("inc-7", "a-1", "b-2"))
    receiver.got.clear()
    over = message(kind="recovered", data={"settles": []})
    assert await notifier.send(over, options, 5) == "there was nothing to send"
    assert receiver.got == []


async def test_the_same_message_is_one_event_to_matrix(receiver, tools):
    notifier, options = opened("matrix", receiver, tools)
    for said in (message(), message(), message(id="n-2")):
        await notifier.send(said, options, 5)
    paths = [path for _, path, _, _ in receiver.got]
    assert paths[0] == paths[1] != paths[2]


async def test_nobody_is_mentioned_by_what_a_target_says(receiver, tools):
    said = message(subject="@everyone <!channel>", text="@here ```x``` <@U1>")
    for type_ in ("slack", "discord", "mattermost"):
        notifier, options = opened(type_, receiver, tools)
        await notifier.send(said, options, 5)
    slack, discord, mattermost = (got[3].decode() for got in receiver.got)
    assert '"text":"@everyone &lt;!channel&gt;"' in slack
    assert "mrkdwn" not in slack
    assert '"allowed_mentions":{"parse":[]}' in discord
    assert "@everyone" not in mattermost
    assert mattermost.count("```") == 2


async def test_a_refusal_is_told_without_the_secret(receiver, tools):
    receiver.says(401, "bad token tok-12345678 for you")
    notifier, options = opened("gotify", receiver, tools)
    with pytest.raises(Refused) as caught:
        await notifier.send(message(), options, 5)
    assert str(caught.value) == "it answered 401: bad token ******** for you"
