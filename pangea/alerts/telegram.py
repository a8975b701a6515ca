"""Telegram: a bot sends plain text, in which nothing is obeyed.

https://core.telegram.org/bots/api#sendmessage
"""

import re
from typing import Any, ClassVar

from msgspec import Struct

from pangea.core.options import SecretText

from .document import cut
from .http import Call
from .notifier import Message
from .preset import HttpOptions, Preset, check_url, host_of, joined, post

_CHARACTERS = 4096


class TelegramOptions(HttpOptions, frozen=True, kw_only=True):
    """The ``token`` of a bot, and the ``chat`` it writes to: a number, or ``@name``.

    ``topic`` is the number of one in a group that has topics; ``url`` is a Bot API
    server of one's own.
    """

    token: SecretText
    chat: str
    topic: int = 0
    url: str = "https://api.telegram.org"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_url(self.url, "url")
        if not re.fullmatch(r"[0-9]{1,20}:[A-Za-z0-9_-]{1,100}", self.token):
            raise ValueError("token: wanted that of a bot, such as 123456:ABC-DEF")
        if not re.fullmatch(r"-?[0-9]{1,20}|@[A-Za-z0-9_]{1,64}", self.chat):
            raise ValueError("chat: wanted a number such as -100123, or @name")


class Telegram(Preset):
    """Writes to a chat as a bot."""

    TYPE = "telegram"
    DOES = "a Telegram chat, as a bot"
    Options: ClassVar[type[Struct]] = TelegramOptions

    def calls(self, message: Message, options: TelegramOptions) -> list[Call]:
        """Return the message, silent if it is but information."""
        links = [("Open: ", message.url), ("Acknowledge: ", message.ack_url)]
        tail = "".join(f"\n{name}{url}" for name, url in links if url)
        head = f"{message.subject}\n\n{message.text}"
        # The links are what a thumb looks for: the text makes way for them.
        body: dict[str, Any] = {
            "chat_id": options.chat,
            "text": cut(head, max(_CHARACTERS - len(tail), 500)) + tail,
            "disable_notification": message.severity == "info",
            "link_preview_options": {"is_disabled": True},
        }
        if options.topic:
            body["message_thread_id"] = options.topic
        bot = f"{options.url.rstrip('/')}/bot{options.token}"
        return [post(joined(bot, "sendMessage"), body, options.tls_fingerprint)]

    def place(self, options: TelegramOptions) -> str:
        """Return the chat."""
        return f"{options.chat} at {host_of(options.url)}"
