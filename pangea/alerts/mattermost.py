"""Mattermost: an incoming web hook takes attachments in Markdown.

https://developers.mattermost.com/integrate/webhooks/incoming/
"""

from typing import Any, ClassVar

from msgspec import Struct

from pangea.core.options import SecretText

from .document import action_of, cut
from .http import Call
from .notifier import Message
from .preset import HttpOptions, Preset, check_url, colour_of, post

#: A post may have 16,383 characters.
_TEXT = 14_000
#: Between the sign and a name nobody is mentioned.
_ZERO_WIDTH = "\u200b"


class MattermostOptions(HttpOptions, frozen=True, kw_only=True):
    """``url`` is that of the web hook; ``channel`` may name another than its own."""

    url: SecretText
    channel: str = ""
    username: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_url(self.url, "url")


class Mattermost(Preset):
    """Writes into a channel of Mattermost."""

    TYPE = "mattermost"
    DOES = "a Mattermost channel, by an incoming web hook"
    Options: ClassVar[type[Struct]] = MattermostOptions

    def calls(self, message: Message, options: MattermostOptions) -> list[Call]:
        """Return the post of one attachment."""
        links = [("Open", message.url), ("Acknowledge", message.ack_url)]
        linked = " · ".join(f"[{name}]({url})" for name, url in links if url)
        colour = colour_of(message.severity, action_of(message))
        attachment = {
            "fallback": harmless(cut(message.subject, 300)),
            "title": harmless(cut(message.subject, 300)),
            "color": f"#{colour:06X}",
            "text": f"{fenced(cut(message.text, _TEXT))}\n{linked}".strip(),
        }
        if message.url:
            attachment["title_link"] = message.url
        body: dict[str, Any] = {"attachments": [attachment]}
        if options.channel:
            body["channel"] = options.channel
        if options.username:
            body["username"] = options.username
        return [post(options.url, body, options.tls_fingerprint)]


def fenced(text: str) -> str:
    """Return *text* as a block of code, in which nothing is obeyed."""
    inner = text.replace("```", "'''")
    return f"```\n{inner}\n```" if text else ""


def harmless(text: str) -> str:
    """Return one line in which nobody is mentioned."""
    return text.replace("@", f"@{_ZERO_WIDTH}")
