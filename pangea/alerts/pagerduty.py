"""PagerDuty: events of version 2; an incident is one dedup key from first to last.

https://developer.pagerduty.com/docs/send-alert-event
"""

from typing import Any, ClassVar

from msgspec import Struct

from pangea.core.options import SecretText

from .document import cut, moment, pages_of
from .http import Call
from .notifier import Message
from .preset import HttpOptions, Preset, check_token, check_url, post

#: Characters of a summary and of a dedup key.
_SUMMARY, _KEY = 1024, 255
_DETAILS = 10_000


class PagerdutyOptions(HttpOptions, frozen=True, kw_only=True):
    """The ``routing_key`` of an Events API v2 integration.

    ``url`` is ``https://events.eu.pagerduty.com/v2/enqueue`` for accounts in Europe.
    """

    routing_key: SecretText
    url: str = "https://events.pagerduty.com/v2/enqueue"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_url(self.url, "url")
        check_token(self.routing_key, "routing_key")


class Pagerduty(Preset):
    """Triggers, acknowledges and resolves incidents."""

    TYPE = "pagerduty"
    DOES = "incidents of PagerDuty, by Events API v2"
    Options: ClassVar[type[Struct]] = PagerdutyOptions

    def calls(self, message: Message, options: PagerdutyOptions) -> list[Call]:
        """Return the events; the dedup key is the thread of the message."""
        made = []
        for action, thread in pages_of(message):
            body: dict[str, Any] = {
                "routing_key": options.routing_key,
                "event_action": action,
                "dedup_key": thread[:_KEY],
            }
            if action == "trigger":
                body |= _triggering(message)
            made.append(post(options.url, body, options.tls_fingerprint))
        return made


def _triggering(message: Message) -> dict[str, Any]:
    links = [("Open", message.url), ("Acknowledge", message.ack_url)]
    return {
        "payload": {
            "summary": cut(message.subject, _SUMMARY),
            "source": "pangea",
            "severity": message.severity,
            "timestamp": moment(message.at_us),
            "class": message.kind,
            "custom_details": {
                "text": cut(message.text, _DETAILS),
                "drill": message.drill,
            },
        },
        "links": [{"href": url, "text": name} for name, url in links if url],
        "client": "Pangea",
        **({"client_url": message.url} if message.url else {}),
    }
