"""Gotify: a message is posted with the token of an application.

https://gotify.net/docs/pushmsg
"""

from typing import Any, ClassVar

from msgspec import Struct

from pangea.core.options import SecretText

from .document import cut
from .http import Call
from .notifier import Message
from .preset import HttpOptions, Preset, check_token, check_url, joined, post

_PRIORITIES = {"info": 3, "warning": 6, "critical": 9}


class GotifyOptions(HttpOptions, frozen=True, kw_only=True):
    """The server ``url`` and the ``token`` of an application on it.

    A ``priority`` of 0 goes by the severity: 3, 6 and 9.
    """

    url: str
    token: SecretText
    priority: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_url(self.url, "url")
        check_token(self.token, "token")
        if not 0 <= self.priority <= 10:
            raise ValueError("priority: wanted 1 to 10, or 0 to go by the severity")


class Gotify(Preset):
    """Pushes to the clients of a Gotify server."""

    TYPE = "gotify"
    DOES = "a Gotify server, for telephones"
    Options: ClassVar[type[Struct]] = GotifyOptions

    def calls(self, message: Message, options: GotifyOptions) -> list[Call]:
        """Return the message; plain text, so that nothing in it is obeyed."""
        extras: dict[str, Any] = {"client::display": {"contentType": "text/plain"}}
        if message.url:
            extras["client::notification"] = {"click": {"url": message.url}}
        text = cut(message.text or message.subject, 10_000)
        if message.ack_url:
            text = f"{text}\n\nAcknowledge: {message.ack_url}"
        body = {
            "title": cut(message.subject, 250),
            "message": text,
            "priority": options.priority or _PRIORITIES[message.severity],
            "extras": extras,
        }
        where = joined(options.url, "message")
        return [post(where, body, options.tls_fingerprint, X_Gotify_Key=options.token)]
