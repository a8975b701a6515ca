"""A notifier that a test holds in its hand, and a world with a channel of it."""

import asyncio

from msgspec import Struct

from pangea.alerts import registry
from pangea.alerts.notifier import NotSent, Refused
from pangea.core.channel import Channel
from pangea.core.model import Outcome
from pangea.storage import incidents
from tests.coordinator.test_moving import add
from tests.coordinator.test_suppression import Scene

BAD = Outcome.FAILED


class PagerOptions(Struct, frozen=True, kw_only=True):
    """A pager is known by its number."""

    number: str = "1"


class Pager:
    """Keeps what it is given; ``does`` says what happens first, in order."""

    TYPE = "pager"
    DOES = "a test"
    Options = PagerOptions
    SECRETS = frozenset()
    messages: list
    tries: list
    does: list
    news: asyncio.Event

    def __init__(self, tools):
        self.tools = tools

    def place(self, options):
        return f"number {options.number}"

    async def check(self, options):
        """Find nothing wrong."""

    async def send(self, message, options, timeout_s):
        cls = type(self)
        cls.tries.append((options.number, message))
        what = cls.does.pop(0) if cls.does else None
        if callable(what):
            what = await what(options)
        if isinstance(what, (NotSent, Refused)):
            raise what
        cls.messages.append((options.number, message))
        cls.news.set()
        return "taken"

    @classmethod
    def clear(cls):
        cls.messages, cls.tries, cls.does = [], [], []
        cls.news = asyncio.Event()

    @classmethod
    def kinds(cls, number="1"):
        return [m.kind for n, m in cls.messages if n == number]

    @classmethod
    async def until(cls, count, seconds=20.0):
        """Wait until so many messages were taken."""
        async with asyncio.timeout(seconds):
            while len(cls.messages) < count:
                cls.news.clear()
                await cls.news.wait()
        return [message for _, message in cls.messages]


def install(monkeypatch):
    """Put the pager in the table of notifiers."""
    Pager.clear()
    monkeypatch.setitem(registry.NOTIFIERS, "pager", Pager)
    return Pager


async def channel(world, name="ops", number="1", **more):
    """Add a channel to *world*; return it."""
    given = {
        "id": 0,
        "org": 1,
        "name": name,
        "type": "pager",
        "created_us": int(number),
    }
    given |= {"options": {"number": number}, "per_minute": 0}
    channels = world.coordinator.alerting.channels
    return await channels.add(Channel(**given | more))


class Site(Scene):
    """Two workers that probe all jobs, and say what a test wants."""

    @classmethod
    async def begin(cls, world, jobs=1, **more):
        site = cls(world)
        await site.start()
        site.jobs = [await add(world, f"web-{n}", **more) for n in range(jobs)]
        for job in site.jobs:
            await site.up(job)
        return site

    async def all_down(self):
        for job in self.jobs:
            await self.say(job, BAD, BAD)
        await self.until(
            lambda: all(self.board.states[j].verdict == "down" for j in self.jobs)
        )

    async def told(self, incident):
        """Return the lines of who was told, once there are any."""
        lines = []
        async with asyncio.timeout(20):
            while not lines:
                found = await self.world.store.read(
                    lambda: incidents.timeline(incident)
                )
                lines = [entry.text for entry in found if entry.kind == "told"]
        return lines
