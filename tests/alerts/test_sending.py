"""What stands around every notifier."""

import asyncio
import json
from base64 import b64encode, urlsafe_b64encode
from html import escape
from urllib.parse import quote, quote_plus

import pytest

from pangea.alerts.notifier import NotSent, Refused
from pangea.alerts.registry import NOTIFIERS, checked_options
from pangea.alerts.sending import Guarded, hidden_parts, scrubbed, secrets_of
from pangea.core.errors import UsageError
from pangea.core.options import MASK
from tests.alerts.conftest import message


class Odd:
    """A notifier that does as told."""

    SECRETS = frozenset({"token"})

    def __init__(self, does):
        self.does, self.heard = does, []

    async def send(self, said, options, timeout_s):
        self.heard.append(said)
        return await self.does()


async def raises(error):
    async def does():
        raise error

    with pytest.raises(type(error)) as caught:
        await Guarded(Odd(does)).send(message(), {"token": "abcd1234efgh"}, 1)
    return caught.value


async def test_no_secret_comes_out_with_an_error():
    later = NotSent("no abcd1234efgh here", retry_after_s=5)
    error = await raises(later)
    assert str(error) == f"no {MASK} here"
    assert error.retry_after_s == 5
    assert error.__cause__ is None
    assert str(await raises(Refused("abcd1234efgh\n\x1b[0m"))) == (
        rf"{MASK}\x0a\x1b[0m"
    )


@pytest.mark.parametrize(
    "error", [BlockingIOError(11, "no abcd1234efgh"), UsageError("abcd1234efgh")]
)
async def test_what_fails_on_this_machine_may_pass(error):
    async def fails():
        raise error

    with pytest.raises(NotSent) as caught:
        await Guarded(Odd(fails)).send(message(), {"token": "abcd1234efgh"}, 1)
    assert "abcd" not in str(caught.value)


async def test_time_is_bounded():
    async def hang():
        await asyncio.sleep(10)

    with pytest.raises(NotSent, match=r"within 0\.05 s"):
        await Guarded(Odd(hang)).send(message(), {}, 0.05)


async def test_a_stop_is_a_stop():
    async def hang():
        await asyncio.sleep(10)

    task = asyncio.create_task(Guarded(Odd(hang)).send(message(), {}, 5))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_label_stands_there_once():
    async def does():
        return "ok"

    odd = Odd(does)
    for subject in ("web is down", "[DRILL] web is down"):
        await Guarded(odd).send(message(subject=subject, drill=True), {}, 1)
    assert [said.subject for said in odd.heard] == ["[DRILL] web is down"] * 2


def test_parts_of_a_secret_are_secrets():
    options = checked_options(
        "webhook",
        {
            "url": "https://hooks.example/services/T00000000/abcdefghijkl?key=zyxwvuts",
            "headers": {"Authorization": "Bearer mnopqrstuv", "X-Kind": "harmless-one"},
        },
    )
    secrets = secrets_of(options, NOTIFIERS["webhook"].SECRETS)
    said = "abcdefghijkl zyxwvuts mnopqrstuv harmless-one hooks.example mnopqrst…"
    hidden = f"{MASK} {MASK} {MASK} harmless-one hooks.example {MASK}…"
    assert scrubbed(said, secrets) == hidden


@pytest.mark.parametrize(
    "written",
    [
        lambda s: quote(s, safe=""),
        lambda s: quote(s, safe="").lower(),
        quote_plus,
        lambda s: json.dumps(s)[1:-1],
        lambda s: json.dumps(s, ensure_ascii=False)[1:-1],
        lambda s: b64encode(s.encode()).decode(),
        lambda s: urlsafe_b64encode(s.encode()).decode().rstrip("="),
        lambda s: b64encode(s.encode()).decode().rstrip("="),
        lambda s: s.encode().hex(),
        escape,
    ],
)
def test_a_secret_is_known_however_it_is_written(written):
    secret = 'pÄss/w"ord+1?2&3'
    told = scrubbed(f"<{written(secret)}>", hidden_parts([secret]))
    assert told == f"<{MASK}>"


@pytest.mark.parametrize("before", ["", "u", "us", "use", "user"])
def test_a_secret_inside_of_base64_is_hidden(before):
    said = b64encode(f"{before}{'hunter2-hunter2'}:x".encode()).decode()
    told = scrubbed(said, hidden_parts(["hunter2-hunter2"]))
    assert MASK in told
    assert b64encode(b"unter2-hunter").decode()[2:-4] not in told
    assert len(told.replace(MASK, "")) <= 12


def test_what_is_no_secret_stays():
    said = "it answered 400: {'error': 'no topic of this name'}"
    assert scrubbed(said, hidden_parts(["hunter2-hunter2", "abcd"])) == said
