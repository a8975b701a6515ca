"""The outbox: nothing twice, claims that end, a log in pages."""

import pytest
from msgspec.structs import replace

from pangea.core.alert_due import Alert, Told
from pangea.core.errors import UsageError
from pangea.storage import alert_rules, alerts, outbox
from tests.core.test_notification import one

NOW = 1_000_000


async def put(store, *them):
    await store.write(lambda: outbox.put(them))


async def claim(store, ids, who="me", now_us=NOW, message="m"):
    return await store.write(
        lambda: outbox.claim(ids, message, "t", who, now_us + 60, now_us)
    )


async def test_what_is_there_already_stays_as_it_is(store):
    await put(store, one(1))
    await store.write(lambda: outbox.settle([one(1, state="sent", sent_us=5)]))
    await put(store, one(1))
    found, _ = await store.read(lambda: outbox.page(1))
    assert [(n.state, n.sent_us) for n in found] == [("sent", 5)]
    assert await claim(store, ["n001"]) == set()


async def test_a_claim_keeps_others_away_until_it_ends(store):
    await put(store, one(1), one(2))
    assert await claim(store, ["n001", "n002", "n009"]) == {"n001", "n002"}
    assert await claim(store, ["n001"], "you") == set()
    assert await claim(store, ["n001"], "me") == {"n001"}, "our own is ours"
    assert await claim(store, ["n001"], "you", NOW + 61) == {"n001"}
    (first, _) = await store.read(outbox.pending)
    assert (first.state, first.tries, first.message) == ("sending", 3, "m")


async def test_what_is_settled_is_pending_no_more_and_has_its_attempts(store):
    await put(store, one(1), one(2))
    attempt = outbox.Attempt(
        org=1,
        message="m",
        channel=1,
        at_us=7,
        took_ms=1.5,
        outcome="sent",
        answer="ok",
    )
    done = replace(one(1), state="sent", message="m", thread="t")
    await store.write(lambda: outbox.settle([done], attempt))
    assert [n.id for n in await store.read(outbox.pending)] == ["n002"]
    assert await store.read(lambda: outbox.attempts("m")) == [attempt]
    assert await store.read(lambda: outbox.threads(["a1", "a2"])) == [("a1", 1, "t")]


async def test_the_log_comes_in_pages_newest_first(store):
    await put(store, *(one(n) for n in range(5)), one(9, org=2))
    seen, cursor = [], None
    for _ in range(3):
        found, cursor = await store.read(
            lambda cursor=cursor: outbox.page(1, limit=2, cursor=cursor)
        )
        seen += [n.id for n in found]
    assert (seen, cursor) == (["n004", "n003", "n002", "n001", "n000"], None)
    with pytest.raises(UsageError):
        await store.read(lambda: outbox.page(1, cursor="nonsense"))
    found, _ = await store.read(lambda: outbox.page(1, state="dead"))
    assert found == []


async def test_alerts_that_go_on_are_taken_up_and_old_things_forgotten(store):
    alert = Alert(key="i.0", notice=one(1).notice, timer_us=5)
    alert = alert.tell(1, "down", Told(6, 1, (1, 2)))
    over = replace(alert, key="i.1")
    await store.write(lambda: alerts.save([(alert, 0), (over, 9)]))
    assert await store.read(alerts.going_on) == [alert]
    assert await store.read(lambda: alerts.known(["i.1"]))
    await put(store, one(1), replace(one(2), state="sent"))
    assert await store.write(lambda: outbox.forget(100)) == 2
    assert not await store.read(lambda: alerts.known(["i.1"]))
    assert [n.id for n in await store.read(outbox.pending)] == ["n001"]


async def test_what_was_heard_waits_and_what_is_known_stays_as_it_is(store):
    alert = Alert(key="changed/1", notice=one(1).notice, timer_us=5, lasting=False)
    told = alert.tell(1, "changed", Told(6, 1, (1,)))
    await store.write(lambda: alerts.hear([alert]))
    assert await store.read(alerts.going_on) == [alert]
    assert not await store.read(lambda: alerts.known(["changed/1"]))
    await store.write(lambda: alerts.save([(told, 9)]))
    await store.write(lambda: alerts.hear([alert]))
    assert await store.read(alerts.going_on) == []
    assert await store.read(lambda: alerts.known(["changed/1"]))
    await store.write(lambda: alerts.forget(["changed/1"]))
    assert not await store.read(lambda: alerts.known(["changed/1"]))


async def test_a_message_knows_the_incidents_that_it_told_of(store):
    first, second = (
        replace(
            one(n),
            alert=f"inc{n}.{n}",
            message="m",
            notice=replace(one(n).notice, incident=f"inc{n}"),
        )
        for n in (1, 2)
    )
    await put(store, first, second, one(3))
    found = await store.read(lambda: outbox.incidents_in(1, first.channel, "m"))
    assert found == {"inc1": 1, "inc2": 2}
    assert await store.read(lambda: outbox.incidents_in(2, 1, "m")) == {}


async def test_the_default_rule_is_given_once(store):
    for _ in range(2):
        await store.write(lambda: alert_rules.give_default([1, 2]))
    found = await store.read(alert_rules.all)
    assert [(r.org, r.name) for r in found] == [(1, "default"), (2, "default")]
    changed = replace(found[0], enabled=False, labels={"a": "b"})
    await store.write(lambda: alert_rules.update(changed))
    await store.write(lambda: alert_rules.remove(found[1].id))
    assert await store.read(alert_rules.all) == [changed]
    await store.write(lambda: alert_rules.give_default([1, 2]))
    assert len(await store.read(alert_rules.all)) == 1
