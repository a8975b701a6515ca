"""Web hooks: a call whose method, headers and body are templates; signed if wanted."""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from pangea.core.errors import PangeaError, UsageError
from pangea.core.options import SecretText

from . import templates
from .document import SAMPLES, document
from .http import Call
from .notifier import Message, NotSent, Refused
from .preset import HttpOptions, Preset, check_url

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
#: What the connection says by itself.
_NOT_OURS = {"host", "content-length", "transfer-encoding", "connection", "upgrade"}


class WebhookOptions(HttpOptions, frozen=True, kw_only=True):
    """What is called, and how; ``method``, headers and body are templates.

    ``json`` is JSON in which each text is a template by itself; ``body`` is one
    template instead, sent as ``content_type``. Without either, the whole message is
    sent as JSON. With a ``secret`` the header ``X-Pangea-Signature`` is
    ``sha256=`` and the HMAC of the body.
    """

    url: SecretText
    method: str = "POST"
    headers: dict[str, str] = field(default_factory=dict)
    json: str = ""
    body: str = ""
    content_type: str = "application/json"
    secret: SecretText = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_url(self.url, "url")
        if self.json and self.body:
            raise ValueError("json and body: give one of the two")
        if self.json:
            _tree(self.json)
        for name, value in self.headers.items():
            if not _NAME.fullmatch(name) or name.lower() in _NOT_OURS:
                raise ValueError("headers: there is a name that cannot be sent")
            _check_line(value, "headers")
        _check_line(self.content_type, "content_type")


class Webhook(Preset):
    """Calls a URL of one's own."""

    TYPE = "webhook"
    DOES = "any URL, by templates of one's own"
    Options: ClassVar[type[Struct]] = WebhookOptions

    async def check(self, options: WebhookOptions) -> None:
        """Render each template with samples; UsageError says what is wrong."""
        self.possible(options)
        try:
            await prepared(options, SAMPLES)
        except Refused as error:
            raise UsageError(f"webhook option: {error}") from error

    async def send(
        self, message: Message, options: WebhookOptions, timeout_s: float
    ) -> str:
        """Make the call; return what was answered. Raises NotSent and Refused.

        A template that fails now costs no message: it goes in our own words.
        """
        try:
            (rendered,) = await prepared(options, [message])
        except PangeaError as error:
            note = f"its templates were not used: {error}"
            return await self._plainly(message, options, note, timeout_s)
        return await super().send(message, rendered, timeout_s)

    async def _plainly(
        self, message: Message, options: WebhookOptions, note: str, timeout_s: float
    ) -> str:
        """Send the whole message, as without templates; what comes back says why."""
        try:
            said = await super().send(message, plain(options), timeout_s)
        except NotSent as error:
            why = f"{error} ({note})"
            raise NotSent(why, retry_after_s=error.retry_after_s) from error
        except Refused as error:
            raise Refused(f"{error} ({note})", hint=error.hint) from error
        return f"{said} ({note})"

    def calls(self, message: Message, options: WebhookOptions) -> list[Call]:
        """Return the call; *options* are rendered."""
        text = options.json or options.body
        body = text.encode() if text else msgspec.json.encode(document(message))
        if options.method in ("GET", "DELETE") and not text:
            body = b""
        headers = {
            "Content-Type": options.content_type,
            "Idempotency-Key": _one_line(message.id),
            **_signature(options.secret, body),
            **options.headers,
        }
        url, method = options.url, options.method
        return [Call(method, url, headers, body, options.tls_fingerprint)]


def plain(options: WebhookOptions) -> WebhookOptions:
    """Return *options* without all that is a template: the whole message is JSON."""
    kept = {
        name: text
        for name, text in options.headers.items()
        if "{" not in text and name.lower() != "content-type"
    }
    method = options.method.strip().upper()
    return replace(
        options,
        method=method if method in METHODS else "POST",
        headers={name: _one_line(text) for name, text in kept.items()},
        json="",
        body="",
        content_type="application/json",
    )


async def prepared(
    options: WebhookOptions, messages: Sequence[Message]
) -> list[WebhookOptions]:
    """Return *options* with all templates rendered for each message.

    Raises Refused for a template that is wrong, or what it makes.
    """
    tree = {
        "method": options.method,
        "headers": options.headers,
        "body": _tree(options.json) if options.json else options.body,
    }
    try:
        made = await templates.render_tree(tree, [document(m) for m in messages])
    except templates.Faulty as error:
        raise Refused(str(error)) from error
    return [_with(options, one) for one in made]


def _with(options: WebhookOptions, made: dict[str, Any]) -> WebhookOptions:
    """Return *options* with what templates *made* in their place."""
    method = made["method"].strip().upper()
    if method not in METHODS:
        raise Refused(f"method: wanted one of {', '.join(METHODS)}")
    body = made["body"]
    return replace(
        options,
        method=method,
        headers={name: _one_line(text) for name, text in made["headers"].items()},
        json=msgspec.json.encode(body).decode() if options.json else "",
        body="" if options.json else body,
    )


def _tree(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(f"json: is not JSON: {error}") from error


def _check_line(text: str, key: str) -> None:
    if any(ord(c) < 32 or ord(c) == 127 for c in text):
        raise ValueError(f"{key}: wanted one line without control characters")


def _one_line(text: str) -> str:
    """Return *text* as a header may hold it, whatever a target said in it."""
    return "".join(c if " " <= c <= "~" else "?" for c in text)[:4000]


def _signature(secret: str, body: bytes) -> Mapping[str, str]:
    if not secret:
        return {}
    made = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"X-Pangea-Signature": f"sha256={made}"}
