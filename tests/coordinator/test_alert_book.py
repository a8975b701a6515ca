"""Timers of alerts: a restart and a clock that is set move none of them."""

import pytest
from msgspec.structs import replace

from pangea.coordinator.alert_book import AlertBook, once
from pangea.coordinator.alert_rules import AlertRules
from pangea.coordinator.decided import Decided
from pangea.core.alert_due import Alert
from pangea.core.alert_rule import AlertRule, Escalation
from pangea.core.notice import Notice
from pangea.storage import alerts
from pangea.storage import outbox as stored

T0 = 1_767_600_000.0


class Clock:
    """A clock that a test sets, and one that only goes on."""

    def __init__(self):
        self.at, self.set_by = 0.0, 0.0

    def wall(self):
        return T0 + self.at + self.set_by

    def monotonic(self):
        return self.at


class Box:
    """Keeps what is to be sent."""

    def __init__(self):
        self.put_in, self.dropped = [], []

    def put(self, them, decided):
        self.put_in += them
        decided.writes.append(lambda: stored.put(them))

    def drop(self, alert, why, decided):
        self.dropped.append(alert)

    def shift(self, by_us):
        pass


class Scene:
    """A book with one rule: told at once, escalated after 10 minutes, reminded."""

    def __init__(self, store):
        self.store, self.clock, self.box = store, Clock(), Box()

    async def begin(self):
        self.rules = AlertRules(self.store)
        await self.rules.load()
        rule = self.rules.get("default", 1)
        await self.rules.replace(
            replace(rule, escalations=(Escalation(600.0, (2,)),), remind_s=3600.0)
        )
        await self.restart()

    async def restart(self):
        self.book = AlertBook(self.store, self.clock, self.rules, self.box)
        self.book.everybody = lambda org: (1, 2)
        await self.book.load()

    async def flush(self):
        before, decided = len(self.box.put_in), Decided()
        self.book.flush(decided)
        await self.store.write(lambda: [write() for write in decided.writes])
        return [(n.step, n.channel) for n in self.box.put_in[before:]]

    def down(self, key="i.0"):
        now_us = self.book.now_us()
        notice = Notice(
            key=key,
            kind="down",
            severity="critical",
            org=1,
            at_us=now_us,
            since_us=now_us,
            title="web",
            incident="i",
        )
        self.book.put(Alert(key=key, notice=notice, timer_us=now_us))


@pytest.fixture
async def scene(store):
    made = Scene(store)
    await made.begin()
    return made


async def test_a_restart_moves_no_timer_and_tells_nothing_again(scene):
    scene.down()
    assert await scene.flush() == [("down", 1), ("down", 2)]
    scene.clock.at = 599.0
    await scene.restart()
    assert await scene.flush() == []
    scene.clock.at = 600.0
    assert scene.book.has_more
    assert await scene.flush() == [("down.1", 2)]
    await scene.restart()
    assert await scene.flush() == []


@pytest.mark.parametrize("by", [-86400.0, 3600.0, 90 * 86400.0])
async def test_a_clock_that_is_set_moves_no_timer(scene, by):
    scene.down()
    await scene.flush()
    scene.clock.set_by = by
    scene.clock.at = 599.0
    assert await scene.flush() == []
    scene.clock.at = 600.5
    assert await scene.flush() == [("down.1", 2)]


async def test_a_clock_that_is_set_back_is_noticed_while_nothing_happens(scene):
    scene.down()
    await scene.flush()
    assert not scene.book.has_more
    scene.clock.set_by, scene.clock.at = -3600.0, 100.0
    assert scene.book.has_more
    await scene.flush()
    assert not scene.book.has_more
    scene.clock.at = 600.5
    assert scene.book.has_more
    assert await scene.flush() == [("down.1", 2)]


@pytest.mark.parametrize("by", [-86400.0, 3600.0])
async def test_not_even_over_a_restart(scene, by):
    scene.down()
    await scene.flush()
    scene.clock.set_by, scene.clock.at = by, 100.0
    await scene.flush()
    await scene.restart()
    scene.clock.at = 599.0
    assert await scene.flush() == []
    scene.clock.at = 600.5
    assert await scene.flush() == [("down.1", 2)]


async def test_what_is_over_leaves_memory_and_the_list_of_what_goes_on(scene, store):
    scene.down()
    await scene.flush()
    alert = scene.book.alerts["i.0"]
    scene.book.put(replace(alert, ended_us=scene.book.now_us()))
    assert await scene.flush() == [("recovered", 1), ("recovered", 2)]
    assert scene.book.alerts == {}
    assert await store.read(alerts.going_on) == []


async def test_what_nobody_asked_for_is_kept_nowhere(scene, store):
    rule = scene.rules.get("default", 1)
    await scene.rules.replace(replace(rule, kinds=("gap",)))
    scene.down()
    assert await scene.flush() == []
    assert await store.read(alerts.going_on) == []
    alert = scene.book.alerts["i.0"]
    scene.book.put(replace(alert, ended_us=5))
    assert await scene.flush() == []
    assert scene.book.alerts == {}


async def test_what_happened_once_is_told_once_for_ever(scene):
    notice = Notice(
        key="certificate/1/ab/7",
        kind="certificate",
        severity="critical",
        org=1,
        at_us=1,
        since_us=1,
        title="web",
    )
    await scene.book.happened(notice)
    assert await scene.flush() == [("certificate", 1), ("certificate", 2)]
    await scene.book.happened(notice)
    assert await scene.flush() == []
    await scene.restart()
    await scene.book.happened(notice)
    assert await scene.flush() == []


async def test_a_rule_that_is_new_looks_at_what_is_wrong_already(scene):
    scene.down()
    await scene.flush()
    await scene.rules.add(AlertRule(name="more", channels=(2,)))
    scene.book.look_again()
    assert await scene.flush() == [], "its channel has been told"
    await scene.rules.remove(scene.rules.get("default", 1))
    scene.book.look_again()
    assert await scene.flush() == []


async def test_what_was_heard_with_its_result_is_told_by_who_comes_after(scene, store):
    notice = Notice(
        key="changed/1/etag/ab/5",
        kind="gap",
        severity="critical",
        org=1,
        at_us=1,
        since_us=1,
        title="web",
    )
    heard = once(notice, scene.book.now_us())
    await store.write(lambda: alerts.hear([heard]))
    await scene.restart()
    assert await scene.flush() == [("gap", 1), ("gap", 2)]
    await scene.restart()
    await scene.book.happened(notice)
    assert await scene.flush() == []


async def test_what_was_heard_and_nobody_wants_is_kept_nowhere(scene, store):
    await scene.rules.remove(scene.rules.get("default", 1))
    notice = Notice(
        key="gap/1/1",
        kind="gap",
        severity="warning",
        org=1,
        at_us=1,
        since_us=1,
        title="w",
    )
    await store.write(lambda: alerts.hear([once(notice, 1)]))
    await scene.book.happened(notice)
    assert await scene.flush() == []
    assert await store.read(alerts.going_on) == []


@pytest.mark.parametrize("restarted", [False, True])
async def test_who_was_told_by_a_rule_that_is_gone_hears_the_end(scene, restarted):
    scene.down()
    assert await scene.flush() == [("down", 1), ("down", 2)]
    await scene.rules.remove(scene.rules.get("default", 1))
    if restarted:
        await scene.restart()
    scene.book.look_again()
    assert await scene.flush() == []
    alert = scene.book.alerts["i.0"]
    scene.book.put(replace(alert, acked_us=scene.book.now_us()))
    assert await scene.flush() == [("acknowledged", 1), ("acknowledged", 2)]
    alert = scene.book.alerts["i.0"]
    scene.book.put(replace(alert, ended_us=scene.book.now_us()))
    assert await scene.flush() == [("recovered", 1), ("recovered", 2)]
    assert scene.book.alerts == {}


async def test_of_very_many_some_are_looked_at_in_one_go_and_none_is_left(scene):
    for number in range(250):
        scene.down(f"i.{number}")
    told = []
    for _ in range(3):
        assert scene.book.has_more
        told += await scene.flush()
    assert not scene.book.has_more
    assert told.count(("down", 1)) == 250


@pytest.mark.parametrize("was_ended", [0, 5])
async def test_of_one_subject_only_the_last_goes_on_after_a_restart(scene, was_ended):
    def lost(number):
        at_us = scene.book.now_us() + number
        told = {"kind": "worker-lost", "severity": "warning", "title": "w"}
        key = f"worker-lost/7/{number}"
        notice = Notice(key=key, org=1, at_us=at_us, since_us=at_us, **told)
        return Alert(key=key, notice=notice, timer_us=at_us, subject="worker-lost/7")

    stale, last, over = (lost(number) for number in (1, 2, 3))
    kept = [last, stale, *([replace(over, ended_us=was_ended)] if was_ended else [])]
    await scene.store.write(lambda: alerts.save([(one, 0) for one in kept]))
    await scene.restart()
    assert scene.book.of("worker-lost/7").key == last.key
    await scene.flush()
    assert [one.key for one in await scene.store.read(alerts.going_on)] == [last.key]
    scene.book.end("worker-lost/7")
    await scene.flush()
    assert await scene.store.read(alerts.going_on) == []


async def test_an_alert_that_is_looked_at_often_waits_once(scene):
    scene.down()
    for _ in range(50):
        await scene.flush()
        scene.book.put(scene.book.alerts["i.0"])
    assert len(scene.book._timers) == len(scene.book._timed) <= 2
