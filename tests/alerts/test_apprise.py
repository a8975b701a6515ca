"""Apprise, the real one, against a receiver of ours."""

import importlib.util
import json

import pytest

from pangea.alerts.apprise import Apprise
from pangea.alerts.notifier import NotSent, Refused
from pangea.alerts.registry import checked_options
from pangea.alerts.sending import Guarded
from pangea.alerts.tools import Tools
from pangea.core.errors import UsageError
from tests.alerts.conftest import message

installed = pytest.mark.skipif(
    importlib.util.find_spec("apprise") is None,
    reason="needs the extra: pip install 'pangea[apprise]'",
)


def options(url):
    return checked_options("apprise", {"url": url})


async def test_it_must_be_allowed():
    with pytest.raises(UsageError, match="does not allow") as caught:
        await Apprise(Tools()).check(options("json://x"))
    assert "alerts.apprise" in caught.value.hint
    with pytest.raises(Refused, match="does not allow"):
        await Guarded(Apprise(Tools())).send(message(), options("json://x"), 5)


@installed
@pytest.mark.slow
async def test_it_sends(receiver):
    notifier = Apprise(Tools(apprise=True))
    where = options(f"json://127.0.0.1:{receiver.port}/hook")
    await notifier.check(where)
    assert await Guarded(notifier).send(message(), where, 20)
    said = json.loads(receiver.got[0][3])
    assert said["title"] == "DOWN: web (2 of 3 see it)"
    assert "london: refused" in said["message"]
    assert said["type"] == "failure"


@installed
@pytest.mark.slow
async def test_what_fails_may_be_tried_again_and_what_is_unknown_not(receiver):
    notifier = Apprise(Tools(apprise=True))
    receiver.says(500, "tok-12345678")
    where = options(f"json://u:tok-12345678@127.0.0.1:{receiver.port}/")
    with pytest.raises(NotSent) as caught:
        await Guarded(notifier).send(message(), where, 20)
    assert "tok-12345678" not in str(caught.value)
    with pytest.raises(UsageError, match="does not know"):
        await notifier.check(options("nosuch://x"))
