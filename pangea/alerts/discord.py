"""Discord: a web hook takes embeds, and is told whom it may wake up: nobody.

https://discord.com/developers/docs/resources/webhook#execute-webhook
"""

from typing import ClassVar

from msgspec import Struct

from pangea.core.options import SecretText

from .document import action_of, cut, moment
from .http import Call
from .notifier import Message
from .preset import HttpOptions, Preset, check_url, colour_of, post

#: Characters of an embed's title and description.
_TITLE, _DESCRIPTION = 256, 4096


class DiscordOptions(HttpOptions, frozen=True, kw_only=True):
    """``url`` is that of the web hook; ``username`` is who seems to write."""

    url: SecretText
    username: str = "Pangea"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_url(self.url, "url")
        if not 1 <= len(self.username) <= 80:
            raise ValueError("username: wanted 1 to 80 characters")


class Discord(Preset):
    """Writes into the channel that a web hook belongs to."""

    TYPE = "discord"
    DOES = "a Discord channel, by a web hook"
    Options: ClassVar[type[Struct]] = DiscordOptions

    def calls(self, message: Message, options: DiscordOptions) -> list[Call]:
        """Return the post of one embed."""
        text = message.text
        if message.ack_url:
            text = f"{cut(text, _DESCRIPTION - 300)}\n\nAcknowledge: {message.ack_url}"
        embed = {
            "title": cut(message.subject, _TITLE),
            "description": cut(text, _DESCRIPTION),
            "color": colour_of(message.severity, action_of(message)),
            "timestamp": moment(message.at_us),
        }
        if message.url:
            embed["url"] = message.url
        body = {
            "username": options.username,
            "embeds": [embed],
            # What a target says could be "@everyone".
            "allowed_mentions": {"parse": []},
        }
        return [post(options.url, body, options.tls_fingerprint)]
