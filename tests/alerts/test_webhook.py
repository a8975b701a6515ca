"""Web hooks: templates of method, headers and body, checked when they are saved."""

import hashlib
import hmac
import json

import pytest

from pangea.alerts.notifier import Refused
from pangea.alerts.registry import checked_options
from pangea.alerts.sending import Guarded
from pangea.alerts.webhook import Webhook
from pangea.core.errors import UsageError
from tests.alerts.conftest import message


async def sent(receiver, tools, said=None, **options):
    """Send one message; return method, headers and body as they came."""
    notifier = Webhook(tools)
    given = checked_options("webhook", {"url": f"{receiver.url}/hook", **options})
    await notifier.check(given)
    await Guarded(notifier).send(said or message(), given, 10)
    method, _, headers, body = receiver.got[-1]
    return method, headers, body


async def test_the_whole_message_is_sent_unless_told_otherwise(receiver, tools):
    method, headers, body = await sent(receiver, tools)
    said = json.loads(body)
    assert method == "POST"
    assert headers["Content-Type"] == "application/json"
    assert headers["Idempotency-Key"] == "n-1"
    assert said["id"] == "n-1"
    assert said["thread"] == "inc-7"
    assert said["action"] == "trigger"
    assert said["at"] == "2026-01-01T00:00:00Z"
    assert said["data"] == {"job": "web"}


async def test_method_headers_and_json_are_templates(receiver, tools):
    method, headers, body = await sent(
        receiver,
        tools,
        method="{{ 'PUT' if action == 'trigger' else 'DELETE' }}",
        headers={"X-Kind": "{{ kind }}", "Authorization": "Bearer abcdefgh"},
        json='{"title": "{{ subject }}", "n": 1, "tags": ["{{ severity }}"]}',
    )
    assert method == "PUT"
    assert (headers["X-Kind"], headers["Authorization"]) == ("down", "Bearer abcdefgh")
    title = "DOWN: web (2 of 3 see it)"
    assert json.loads(body) == {"title": title, "n": 1, "tags": ["critical"]}


async def test_what_a_target_says_stays_in_its_text(receiver, tools):
    said = message(subject='", "admin": true, "x": "\r\nX-Evil: 1')
    _, headers, body = await sent(
        receiver,
        tools,
        said,
        headers={"X-Subject": "{{ subject }}"},
        json='{"title": "{{ subject }}"}',
    )
    assert json.loads(body) == {"title": said.subject}
    assert "X-Evil" not in headers
    assert headers["X-Subject"] == '", "admin": true, "x": "??X-Evil: 1'


async def test_a_body_of_any_kind(receiver, tools):
    _, headers, body = await sent(
        receiver, tools, body="{{ kind }}: {{ text }}", content_type="text/plain"
    )
    assert headers["Content-Type"] == "text/plain"
    assert body == b"down: web does not answer.\nlondon: refused"


async def test_a_secret_signs_the_body(receiver, tools):
    _, headers, body = await sent(receiver, tools, secret="s3cret-key")
    wanted = hmac.new(b"s3cret-key", body, hashlib.sha256).hexdigest()
    assert headers["X-Pangea-Signature"] == f"sha256={wanted}"
    assert b"s3cret-key" not in body


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"url": "file:///etc/passwd"}, "url: wanted a URL"),
        ({"url": "http://user:hunter2@x/"}, "url: a password does not stand"),
        ({"url": "http://x/\r\nX: y"}, "url: wanted a URL"),
        ({"json": "{"}, "json: is not JSON"),
        ({"json": "{}", "body": "x"}, "json and body"),
        ({"headers": {"X Y": "z"}}, "headers: there is a name"),
        ({"headers": {"Host": "other"}}, "headers: there is a name"),
        ({"headers": {"X": "a\r\nY: b"}}, "headers: wanted one line"),
        ({"content_type": "a\nb"}, "content_type: wanted one line"),
        ({"tls_fingerprint": "xyz"}, "tls_fingerprint: wanted 64"),
        ({"methud": "GET"}, "unknown 'methud'"),
    ],
)
def test_what_is_wrong_is_told_without_the_value(options, said):
    with pytest.raises(UsageError) as caught:
        checked_options("webhook", {"url": "http://x/", **options})
    assert said in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {"method": "{{ kind }}"},
        {"json": '{"a": "{{ nothing }}"}'},
        {"body": "{% for %}"},
        {"headers": {"X": "{{ data.x.y }}"}},
        {"body": "{% if action == 'resolve' %}{{ nope }}{% endif %}"},
    ],
)
async def test_a_template_is_tried_when_it_is_saved(options, tools):
    given = checked_options("webhook", {"url": "http://127.0.0.1/", **options})
    with pytest.raises(UsageError, match="webhook option"):
        await Webhook(tools).check(given)


FAILS = "{{ 1 / (text|length - 3) }}"


@pytest.mark.parametrize(
    "options",
    [
        {"body": FAILS},
        {"json": f'{{"a": "{FAILS}"}}'},
        {"method": f"P{FAILS}"},
        {"headers": {"X-Fails": FAILS, "X-Team": "ops"}, "body": "{{ subject }}"},
    ],
)
async def test_a_template_that_fails_later_costs_no_message(options, receiver, tools):
    given = checked_options("webhook", {"url": receiver.url, "secret": "s", **options})
    said = await Guarded(Webhook(tools)).send(message(text="abc"), given, 10)
    assert said.startswith("200 ok (its templates were not used: template: division")
    ((method, _, headers, body),) = receiver.got
    assert (method, json.loads(body)["text"]) == ("POST", "abc")
    assert headers["Content-Type"] == "application/json"
    assert "X-Pangea-Signature" in headers
    assert "X-Fails" not in headers
    assert headers.get("X-Team", "ops") == "ops"


async def test_what_refuses_the_plain_message_too_is_told_both(receiver, tools):
    receiver.says(400, "what is that?")
    given = checked_options("webhook", {"url": receiver.url, "body": FAILS})
    with pytest.raises(Refused, match=r"400: what is that\? \(its templates were not"):
        await Guarded(Webhook(tools)).send(message(text="abc"), given, 10)
