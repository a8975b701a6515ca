"""Each way to reach people that needs no stranger: a web hook, a mail, a program."""

import asyncio
import shutil
import time
from functools import partial

from pangea.alerts.notifier import Message
from pangea.alerts.registry import checked_options, notifier_class
from pangea.alerts.tools import tools_of
from pangea.core.alerts_table import AlertsTable, SmtpTable

from .row import Check, Skipped
from .servers import Servers

TIMEOUT_S = 10.0
Options = dict[str, object]


def channels(servers: Servers) -> list[Check]:
    """Return a check for each kind of channel that can be tried here."""
    mail: Options = {
        "to": ["selftest@pangea.example"],
        "sender": "pangea@pangea.example",
        "host": "127.0.0.1",
        "port": servers.ports["smtp"],
        "tls": "off",
    }
    hook: Options = {"url": f"http://127.0.0.1:{servers.ports['http']}/"}
    return [
        Check("channel webhook", partial(_send, "webhook", hook)),
        Check("channel email", partial(_send, "email", mail)),
        Check("channel exec", _program),
    ]


async def _program() -> str:
    program = shutil.which("cat")
    if program is None:
        raise Skipped("there is no cat here")
    said = await _send("exec", {"program": program}, program)
    if '"id":"selftest"' not in said.replace(" ", ""):
        raise AssertionError(f"{program} got another message: {said}")
    return f"{program} got the message as JSON"


async def _send(type_: str, options: Options, program: str = "") -> str:
    tools = tools_of(
        AlertsTable(allow=("127.0.0.0/8",), exec=(program,) if program else ()),
        SmtpTable(),
    )
    notifier = notifier_class(type_)(tools)
    given = checked_options(type_, options)
    async with asyncio.timeout(TIMEOUT_S):
        return await notifier.send(_message(), given, TIMEOUT_S)


def _message() -> Message:
    return Message(
        id="selftest",
        thread="selftest",
        kind="test",
        severity="info",
        at_us=time.time_ns() // 1000,
        subject="pangea selftest",
        text="Nothing is wrong: pangea tests itself.",
    )
