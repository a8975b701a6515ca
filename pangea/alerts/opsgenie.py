"""Opsgenie and what speaks like it: an alert is one alias from first to last.

https://docs.opsgenie.com/docs/alert-api
"""

from typing import Any, ClassVar

from msgspec import Struct
from yarl import URL

from pangea.core.options import SecretText

from .document import Action, cut, pages_of
from .http import Call
from .notifier import Message
from .preset import HttpOptions, Preset, check_token, check_url, joined, post

#: Characters of what is so called.
_MESSAGE, _DESCRIPTION, _ALIAS = 130, 15_000, 512
_PRIORITIES = {"info": "P5", "warning": "P3", "critical": "P1"}


class OpsgenieOptions(HttpOptions, frozen=True, kw_only=True):
    """The ``api_key`` of an API integration; ``teams`` are who is to be told.

    ``url`` is ``https://api.eu.opsgenie.com`` for accounts in Europe.
    """

    api_key: SecretText
    url: str = "https://api.opsgenie.com"
    teams: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        check_url(self.url, "url")
        check_token(self.api_key, "api_key")
        if len(self.teams) > 50:
            raise ValueError("teams: wanted 50 at most")


class Opsgenie(Preset):
    """Creates, acknowledges and closes alerts."""

    TYPE = "opsgenie"
    DOES = "alerts of Opsgenie, and what speaks like it"
    Options: ClassVar[type[Struct]] = OpsgenieOptions

    def calls(self, message: Message, options: OpsgenieOptions) -> list[Call]:
        """Return the calls; the alias is the thread of the message."""
        return [
            _call(message, options, action, thread[:_ALIAS])
            for action, thread in pages_of(message)
        ]


def _call(
    message: Message, options: OpsgenieOptions, action: Action, alias: str
) -> Call:
    alerts = joined(options.url, "v2", "alerts")
    if action == "trigger":
        url, body = alerts, _created(message, options, alias)
    else:
        verb = "close" if action == "resolve" else "acknowledge"
        url = str(URL(joined(alerts, alias, verb)) % {"identifierType": "alias"})
        note = cut(message.text or message.subject, _DESCRIPTION)
        body = {"source": "Pangea", "note": note}
    key = f"GenieKey {options.api_key}"
    return post(url, body, options.tls_fingerprint, Authorization=key)


def _created(message: Message, options: OpsgenieOptions, alias: str) -> dict[str, Any]:
    links = {"open": message.url, "acknowledge": message.ack_url}
    body: dict[str, Any] = {
        "message": cut(message.subject, _MESSAGE),
        "alias": alias,
        "description": cut(message.text, _DESCRIPTION),
        "tags": ["pangea", message.kind, *(["drill"] if message.drill else [])],
        "details": {name: url for name, url in links.items() if url},
        "source": "Pangea",
        "priority": _PRIORITIES[message.severity],
    }
    if options.teams:
        body["responders"] = [{"name": n, "type": "team"} for n in options.teams]
    return body
