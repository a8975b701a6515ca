"""Sends messages and is killed, again and again, at each stage of sending.

``python -m tests.coordinator.paging_victim DIRECTORY PORT ROUNDS``: each round is a
process of its own on the same database; the last one is let live.
"""

import asyncio
import os
import signal
import sys
from itertools import cycle
from pathlib import Path

from msgspec.structs import replace

from pangea.coordinator import lane
from pangea.coordinator.alert_book import AlertBook
from pangea.coordinator.alert_rules import AlertRules
from pangea.coordinator.decided import Decided
from pangea.coordinator.outbox import Outbox
from pangea.core.alert_due import Alert
from pangea.core.channel import Channel
from pangea.core.notice import Notice
from pangea.storage import alerts as stored
from pangea.storage.database import Store
from pangea.system_clock import SystemClock

STAGES = ("decided", "written", "claimed", "on the way", "answered", "settled")
ROUND_S = 20.0
CHANNEL = Channel(id=1, org=1, name="far", type="http", options={}, per_minute=0)


def die():
    os.kill(os.getpid(), signal.SIGKILL)


class Far:
    """Posts to the receiver, and dies where it is told to."""

    def __init__(self, port, stage):
        self.port, self.stage = port, stage

    def all(self, org):
        return [CHANNEL]

    def by_id(self, number):
        return CHANNEL

    def open_channel(self, channel):
        return self, None

    async def send(self, message, options, timeout_s):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        ids = ",".join(f"{i['incident']}/{i['step']}" for i in items(message))
        head = f"POST / HTTP/1.1\r\nHost: x\r\nX-Id: {message.id}\r\nX-Told: {ids}\r\n"
        writer.write(f"{head}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        if self.stage == "on the way":
            await asyncio.sleep(0.05)
            die()
        await reader.read()
        writer.close()
        if self.stage == "answered":
            die()
        return "ok"


def items(message):
    return message.data.get("items") or [message.data]


class Mortal(Outbox):
    """An outbox that dies at one stage."""

    stage = ""

    async def _claim(self, lane, them):
        mine = await super()._claim(lane, them)
        if self.stage == "claimed":
            die()
        return mine

    async def _settle(self, them, attempt, decided):
        await super()._settle(them, attempt, decided)
        if self.stage == "settled":
            die()


async def live(place, port, number, stage):
    store, clock = await Store.open(place / "pangea.db"), SystemClock()

    async def note(decided):
        await store.write(lambda: [write() for write in decided.writes])

    far, rules = Far(port, stage), AlertRules(store)
    outbox = Mortal(store, clock, note, far, "me")
    outbox.stage = stage
    book = AlertBook(store, clock, rules, outbox)
    book.everybody = lambda org: (1,)
    await rules.load()
    await book.load()
    await outbox.load(book.alerts)
    sending = asyncio.create_task(outbox.run())
    await happen(store, book, number, last=not stage)
    decided = Decided()
    book.flush(decided)
    if stage == "decided":
        die()
    await note(decided)
    if stage == "written":
        die()
    while outbox.waiting or stage:
        await asyncio.sleep(0.01)
    sending.cancel()
    await store.close()


async def happen(store, book, number, *, last):
    """Let one more thing be wrong, and all that were before it be over."""
    for each in range(number + 1):
        key = f"i{each}"
        known = await store.read(lambda key=key: stored.known([key]))
        now_us = book.now_us()
        if not known and key not in book.alerts:
            told = {"key": key, "kind": "down", "severity": "critical", "org": 1}
            told |= {"at_us": now_us, "since_us": now_us, "title": key}
            book.put(
                Alert(key=key, notice=Notice(incident=key, **told), timer_us=now_us)
            )
        elif key in book.alerts and (each < number or last):
            alert = book.alerts[key]
            book.put(replace(alert, ended_us=alert.ended_us or now_us))


def main():
    place, port, rounds = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    lane.GATHER_S, lane.PAUSE_S, lane.LONGEST_PAUSE_S = 0.02, 0.05, 0.1
    for number, stage in zip(range(rounds), cycle(STAGES), strict=False):
        child(place, port, number, stage)
    for _ in range(2):
        child(place, port, rounds - 1, "")


def child(place, port, number, stage):
    pid = os.fork()
    if pid:
        _, status = os.waitpid(pid, 0)
        print(
            number, stage, "killed" if os.WIFSIGNALED(status) else "lived", flush=True
        )
        return
    signal.alarm(round(ROUND_S))
    asyncio.run(live(place, port, number, stage))
    os._exit(0)


if __name__ == "__main__":
    main()
