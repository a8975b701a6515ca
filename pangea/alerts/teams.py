"""Microsoft Teams: a workflow's web hook takes an Adaptive Card.

https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using
"""

from typing import Any, ClassVar

from msgspec import Struct

from pangea.core.options import SecretText

from .document import action_of, cut
from .http import Call
from .notifier import Message
from .preset import HttpOptions, Preset, check_url, post

#: A message may have 28 KB with all that is around it.
_TEXT = 15_000
_STYLES = {"info": "default", "warning": "warning", "critical": "attention"}


class TeamsOptions(HttpOptions, frozen=True, kw_only=True):
    """``url`` is that of the workflow "when a Teams webhook request is received"."""

    url: SecretText

    def __post_init__(self) -> None:
        super().__post_init__()
        check_url(self.url, "url")


class Teams(Preset):
    """Writes into the chat or channel that a workflow belongs to."""

    TYPE = "teams"
    DOES = "Microsoft Teams, by a workflow's web hook"
    Options: ClassVar[type[Struct]] = TeamsOptions

    def calls(self, message: Message, options: TeamsOptions) -> list[Call]:
        """Return the post of one card."""
        content = {
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "type": "AdaptiveCard",
            "version": "1.4",
            "body": _body(message),
            "actions": [
                {"type": "Action.OpenUrl", "title": title, "url": url}
                for title, url in (
                    ("Open", message.url),
                    ("Acknowledge", message.ack_url),
                )
                if url
            ],
        }
        card = {
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": None,
            "content": content,
        }
        body = {"type": "message", "attachments": [card]}
        return [post(options.url, body, options.tls_fingerprint)]


def _body(message: Message) -> list[dict[str, Any]]:
    well = action_of(message) == "resolve"
    title = {
        "type": "TextBlock",
        "text": escaped(cut(message.subject, 300)),
        "weight": "bolder",
        "size": "medium",
        "color": "good" if well else _STYLES[message.severity],
        "wrap": True,
    }
    # One block a line: a newline inside a block may get lost.
    lines = cut(message.text, _TEXT).splitlines()[:100]
    return [title, *(_line(line) for line in lines if line.strip())]


def _line(text: str) -> dict[str, Any]:
    return {"type": "TextBlock", "text": escaped(text), "wrap": True, "spacing": "none"}


def escaped(text: str) -> str:
    """Return *text* with what a card would take for Markdown escaped."""
    return "".join(f"\\{c}" if c in "\\*_[]()`#<" else c for c in text)
