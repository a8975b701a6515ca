"""Slack: an incoming web hook takes blocks, and text for the notification.

https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
"""

from typing import Any, ClassVar

from msgspec import Struct

from pangea.core.options import SecretText

from .document import cut
from .http import Call
from .notifier import Message
from .preset import HttpOptions, Preset, check_url, post

#: Characters of a header, and of the text of a section.
_HEADER, _SECTION = 150, 3000


class SlackOptions(HttpOptions, frozen=True, kw_only=True):
    """``url`` is that of the web hook: who knows it may write."""

    url: SecretText

    def __post_init__(self) -> None:
        super().__post_init__()
        check_url(self.url, "url")


class Slack(Preset):
    """Writes into the channel that a web hook belongs to."""

    TYPE = "slack"
    DOES = "a Slack channel, by an incoming web hook"
    Options: ClassVar[type[Struct]] = SlackOptions

    def calls(self, message: Message, options: SlackOptions) -> list[Call]:
        """Return the post of a header, the text, and links as buttons."""
        blocks: list[dict[str, Any]] = [
            {"type": "header", "text": _plain(cut(message.subject, _HEADER))},
            {"type": "section", "text": _plain(cut(message.text, _SECTION) or "-")},
        ]
        links = [("Open", message.url), ("Acknowledge", message.ack_url)]
        buttons = [
            {"type": "button", "text": _plain(name), "url": url}
            for name, url in links
            if url
        ]
        if buttons:
            blocks.append({"type": "actions", "elements": buttons})
        body = {"text": escaped(message.subject), "blocks": blocks}
        return [post(options.url, body, options.tls_fingerprint)]


def _plain(text: str) -> dict[str, Any]:
    """Return text that Slack shows as it is: no mention, no link, no emoji."""
    return {"type": "plain_text", "text": text, "emoji": False}


def escaped(text: str) -> str:
    """Return *text* with what Slack would take for a mention or a link escaped."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
