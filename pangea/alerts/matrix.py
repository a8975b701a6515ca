"""Matrix: an event is put into a room under the id of the message, so only once.

https://spec.matrix.org/latest/client-server-api/ (sending events to a room)
"""

import hashlib
import html
import re
from typing import ClassVar

import msgspec
from msgspec import Struct

from pangea.core.options import SecretText

from .document import cut_bytes
from .http import Call
from .notifier import Message
from .preset import JSON, HttpOptions, Preset, check_token, check_url, host_of, joined

#: An event may have 64 KiB; the text stands in it twice.
_BYTES = 20_000


class MatrixOptions(HttpOptions, frozen=True, kw_only=True):
    """The homeserver ``url``, the ``room`` (``!id:server``), and a ``token`` in it."""

    url: str
    room: str
    token: SecretText

    def __post_init__(self) -> None:
        super().__post_init__()
        check_url(self.url, "url")
        check_token(self.token, "token")
        if not re.fullmatch(r"![!-~]{1,254}", self.room):
            raise ValueError("room: wanted its id, such as !abcdef:example.org")


class Matrix(Preset):
    """Writes into a room."""

    TYPE = "matrix"
    DOES = "a Matrix room"
    Options: ClassVar[type[Struct]] = MatrixOptions

    def calls(self, message: Message, options: MatrixOptions) -> list[Call]:
        """Return the event; the same message twice is one event to the server."""
        links = [("Open", message.url), ("Acknowledge", message.ack_url)]
        text = cut_bytes(message.text, _BYTES)
        tail = "".join(f"\n{name}: {url}" for name, url in links if url)
        anchors = " · ".join(
            f'<a href="{html.escape(url)}">{name}</a>' for name, url in links if url
        )
        body = {
            "msgtype": "m.text",
            "body": f"{message.subject}\n\n{text}{tail}",
            "format": "org.matrix.custom.html",
            "formatted_body": f"<b>{html.escape(message.subject)}</b>"
            f"<pre>{html.escape(text)}</pre>{anchors}",
        }
        url = joined(
            options.url,
            *("_matrix", "client", "v3", "rooms", options.room),
            *("send", "m.room.message", transaction(message.id)),
        )
        headers = {**JSON, "Authorization": f"Bearer {options.token}"}
        sent = msgspec.json.encode(body)
        return [Call("PUT", url, headers, sent, options.tls_fingerprint)]

    def place(self, options: MatrixOptions) -> str:
        """Return the room."""
        return f"{options.room} at {host_of(options.url)}"


def transaction(id_: str) -> str:
    """Return what is one to one with the id of a message and fits into a path."""
    return hashlib.sha256(id_.encode()).hexdigest()[:32]
