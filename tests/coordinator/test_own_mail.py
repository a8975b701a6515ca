"""Mail of our own: of a new code, and of a login from elsewhere, at a real server."""

import asyncio
import email
from email import policy

import pytest
from msgspec.structs import replace

from pangea.core.alerts_table import SmtpTable
from pangea.storage.accounts import Account
from tests.alerts.mail_server import MailServer

ANN = Account(id=7, org=1, name="ann", role="admin", prefix="AAAA", code_hash="h1")
TABLE = SmtpTable(sender="pangea@example.com", notify=("root@example.com",))


@pytest.fixture
async def mx():
    async with MailServer() as server:
        yield server


@pytest.fixture
async def own(world, mx):
    own = world.coordinator.alerting.own_mail
    table = replace(
        TABLE, host="127.0.0.1", port=mx.port, tls_fingerprint=mx.fingerprint
    )
    own.configure(table, "hq")
    return own


async def mails(mx, count):
    async with asyncio.timeout(20):
        while len(mx.handler.mails) < count:
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.1)
    return [
        email.message_from_bytes(raw, policy=policy.default)
        for _, _, raw in mx.handler.mails
    ]


async def test_a_new_code_and_a_lost_account_are_told_once_and_never_the_code(own, mx):
    own.started([ANN])
    own.started([ANN])
    (first,) = await mails(mx, 1)
    assert first["Subject"] == "Pangea (hq): Access codes have changed"
    assert first["To"] == "root@example.com"
    assert "New access code: the account ann" in first.get_content()
    own.started([replace(ANN, name="bob", code_hash="h2")])
    _, second = await mails(mx, 2)
    assert "New access code: the account bob" in second.get_content()
    assert "No longer there: the account ann" in second.get_content()
    assert "h2" not in second.get_content()


async def test_a_login_is_told_of_when_it_comes_from_a_new_place(own, mx):
    for address in ("192.0.2.1", "192.0.2.1", "198.51.100.9", "192.0.2.1"):
        own.logged_in(ANN, address, "curl\r\nBcc: eve@example.com")
    both = await mails(mx, 2)
    assert len(both) == 2
    assert "From         192.0.2.1" in both[0].get_content()
    assert "From         198.51.100.9" in both[1].get_content()
    assert both[0]["Bcc"] is None


async def test_without_a_mail_server_all_goes_on(world, caplog):
    own = world.coordinator.alerting.own_mail
    caplog.set_level("INFO")
    own.configure(SmtpTable(), "hq")
    own.started([ANN])
    assert "no mail" not in caplog.text
    assert own.troubles() == []
    own.configure(TABLE, "hq")
    own.started([ANN])
    assert "smtp.host is not configured" in caplog.text
    assert own.troubles() == ["smtp.notify gets no mail: smtp.host is not configured"]


async def test_a_refusal_is_told_in_the_status(own, mx):
    mx.handler.at_sender = "550 go away"
    own.logged_in(ANN, "192.0.2.1", "")
    async with asyncio.timeout(20):
        while not own.troubles():
            await asyncio.sleep(0.02)
    assert "550 go away" in own.troubles()[0]
