"""Real servers on loopback, which messages are sent to."""

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from pangea.alerts.notifier import Message
from pangea.alerts.tools import tools_of
from pangea.core.alerts_table import AlertsTable, SmtpTable

HERE = ("127.0.0.0/8", "::1/128")


def message(**more):
    """Return a message of an outage."""
    said = {
        "id": "n-1",
        "thread": "inc-7",
        "kind": "down",
        "severity": "critical",
        "at_us": 1_767_225_600_000_000,
        "subject": "DOWN: web (2 of 3 see it)",
        "text": "web does not answer.\nlondon: refused",
        "url": "https://pangea.example/incidents/7",
        "ack_url": "https://pangea.example/ack/abc",
        "data": {"job": "web"},
    }
    return Message(**said | more)


class Receiver:
    """A web server that keeps what it gets and answers as told."""

    def __init__(self):
        self.got = []
        self.answer = self.ok
        self.app = web.Application(client_max_size=1 << 20)
        self.app.router.add_route("*", "/{path:.*}", self._take)

    async def _take(self, request):
        body = await request.read()
        self.got.append((request.method, request.path, dict(request.headers), body))
        return await self.answer(request, body)

    @staticmethod
    async def ok(request, body):
        return web.Response(text="ok")

    def says(self, status, text="", **headers):
        """Answer this from now on."""

        async def answer(request, body):
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return web.Response(status=status, text=text, headers=named)

        self.answer = answer


@pytest.fixture
async def receiver():
    made = Receiver()
    server = TestServer(made.app, host="127.0.0.1")
    await server.start_server()
    made.url = str(server.make_url("/")).rstrip("/")
    made.port = server.port
    yield made
    await server.close()


@pytest.fixture
def tools():
    """Tools that may send to this machine."""
    return tools_of(AlertsTable(allow=HERE), SmtpTable())
