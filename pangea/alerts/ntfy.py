"""ntfy: a message is published as JSON to the root of a server.

https://docs.ntfy.sh/publish/#publish-as-json
"""

import base64
import re
from typing import Any, ClassVar

from msgspec import Struct

from pangea.core.options import SecretText

from .document import action_of, cut, cut_bytes
from .http import Call
from .notifier import Message
from .preset import HttpOptions, Preset, check_token, check_url, post

#: A longer message becomes a file.
_BYTES = 4096
_PRIORITIES = {"info": 3, "warning": 4, "critical": 5}
_TAGS = {
    "info": "information_source",
    "warning": "warning",
    "critical": "rotating_light",
}


class NtfyOptions(HttpOptions, frozen=True, kw_only=True):
    """The ``topic`` on the server ``url``, with a ``token`` or a user if it needs one.

    A ``priority`` of 0 goes by the severity: 3, 4 and 5.
    """

    topic: SecretText
    url: str = "https://ntfy.sh"
    token: SecretText = ""
    user: str = ""
    password: SecretText = ""
    priority: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_url(self.url, "url")
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", self.topic):
            raise ValueError("topic: wanted up to 64 of A-Z a-z 0-9 _ -")
        if self.token:
            check_token(self.token, "token")
        if self.token and self.user:
            raise ValueError("token and user: give one of the two")
        if not 0 <= self.priority <= 5:
            raise ValueError("priority: wanted 1 to 5, or 0 to go by the severity")


class Ntfy(Preset):
    """Publishes to a topic, for telephones that subscribed to it."""

    TYPE = "ntfy"
    DOES = "a topic of ntfy, for telephones"
    Options: ClassVar[type[Struct]] = NtfyOptions

    def calls(self, message: Message, options: NtfyOptions) -> list[Call]:
        """Return the publication."""
        well = action_of(message) == "resolve"
        body: dict[str, Any] = {
            "topic": options.topic,
            "title": cut(message.subject, 250),
            "message": cut_bytes(message.text or message.subject, _BYTES),
            "priority": options.priority or _PRIORITIES[message.severity],
            "tags": ["white_check_mark" if well else _TAGS[message.severity]],
        }
        if message.url:
            body["click"] = message.url
        if message.ack_url:
            action = {"action": "view", "label": "Acknowledge", "url": message.ack_url}
            body["actions"] = [action]
        return [post(options.url, body, options.tls_fingerprint, **_login(options))]


def _login(options: NtfyOptions) -> dict[str, str]:
    if options.token:
        return {"Authorization": f"Bearer {options.token}"}
    if options.user:
        both = f"{options.user}:{options.password}".encode()
        return {"Authorization": f"Basic {base64.b64encode(both).decode()}"}
    return {}
