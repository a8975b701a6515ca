"""The table of all notifiers."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from pangea.core.errors import UsageError
from pangea.core.options import build, nearest

from .apprise import Apprise
from .discord import Discord
from .email import Email
from .exec import Exec
from .gotify import Gotify
from .matrix import Matrix
from .mattermost import Mattermost
from .notifier import Notifier
from .ntfy import Ntfy
from .opsgenie import Opsgenie
from .pagerduty import Pagerduty
from .slack import Slack
from .teams import Teams
from .telegram import Telegram
from .webhook import Webhook

NOTIFIERS: dict[str, type[Notifier]] = {}


def register(notifier: type[Notifier]) -> type[Notifier]:
    """Put *notifier* in the table under its type; for built-in and foreign ones."""
    NOTIFIERS[notifier.TYPE] = notifier
    return notifier


for _one in (
    *(Email, Webhook, Slack, Discord, Teams, Mattermost, Matrix, Telegram),
    *(Ntfy, Gotify, Pagerduty, Opsgenie, Exec, Apprise),
):
    register(_one)


def notifier_class(type_: str) -> type[Notifier]:
    """Return the notifier of a type, or raise UsageError."""
    if type_ not in NOTIFIERS:
        close = nearest(type_, sorted(NOTIFIERS))
        known = ", ".join(NOTIFIERS)
        hint = close if close.startswith("did") else f"known types are: {known}"
        raise UsageError(f"unknown channel type {type_[:60]!r}", hint=hint)
    return NOTIFIERS[type_]


def checked_options(type_: str, options: Mapping[str, Any]) -> Struct:
    """Return *options* as the type wants them; UsageError names the first fault."""
    return build(notifier_class(type_).Options, options, f"{type_} option")
