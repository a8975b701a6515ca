"""Apprise: a hundred other services by its URLs, with the extra ``apprise``.

Its library connects by itself and blocks, so it runs in a process of its own, and
only where the configuration says that nobody needs to check where it goes.
"""

import importlib.util
import sys
from typing import ClassVar

import msgspec
from msgspec import Struct

from pangea.core.errors import UsageError
from pangea.core.options import SecretText, secret_names
from pangea.core.text import safe_text

from . import child
from .document import action_of, cut
from .notifier import Message, NotSent, Refused
from .tools import Tools

_CHILD = "pangea.alerts.apprise_child"
_TYPES = {"info": "info", "warning": "warning", "critical": "failure"}


class AppriseOptions(Struct, frozen=True, kw_only=True):
    """``url`` is one of Apprise, such as ``pover://user@token``; more with blanks."""

    url: SecretText

    def __post_init__(self) -> None:
        if "://" not in self.url or not self.url.isprintable():
            raise ValueError("url: wanted one of Apprise, such as pover://user@token")
        if len(self.url) > 4000:
            raise ValueError("url: longer than 4000 characters")


class Asked(Struct, frozen=True, kw_only=True):
    """What the child is told; without a ``body`` it only looks at the URL."""

    url: str
    title: str = ""
    body: str = ""
    type: str = "info"


class Apprise:
    """Sends by Apprise."""

    TYPE: ClassVar[str] = "apprise"
    DOES: ClassVar[str] = "other services, by URLs of Apprise (an extra)"
    Options: ClassVar[type[Struct]] = AppriseOptions
    SECRETS: ClassVar[frozenset[str]] = secret_names(AppriseOptions)

    def __init__(self, tools: Tools) -> None:
        self._allowed = tools.apprise

    def place(self, options: AppriseOptions) -> str:
        """Return the services."""
        services = [one.partition("://")[0] for one in options.url.split()]
        return safe_text(", ".join(f"{name}://" for name in services), 100)

    def possible(self, options: AppriseOptions) -> None:
        """Raise UsageError unless it is allowed and installed."""
        if not self._allowed:
            raise UsageError(
                "apprise: this coordinator does not allow it",
                hint="set alerts.apprise in its configuration; where it sends to is "
                "not checked then",
            )
        if importlib.util.find_spec("apprise") is None:
            alone = getattr(sys, "frozen", False)
            why = "is no part of this single file" if alone else "is not installed"
            raise UsageError(
                f"apprise: {why}", hint="with Python: pip install 'pangea[apprise]'"
            )

    async def check(self, options: AppriseOptions) -> None:
        """Raise UsageError unless it knows the URL as well."""
        self.possible(options)
        if (await _run(Asked(url=options.url))).code:
            raise UsageError("apprise: it does not know this URL")

    async def send(
        self, message: Message, options: AppriseOptions, timeout_s: float
    ) -> str:
        """Send by Apprise, which does not say why something failed."""
        try:
            self.possible(options)
        except UsageError as error:
            raise Refused(str(error), hint=error.hint) from error
        links = [("Open", message.url), ("Acknowledge", message.ack_url)]
        tail = "".join(f"\n{name}: {url}" for name, url in links if url)
        well = action_of(message) == "resolve"
        asked = Asked(
            url=options.url,
            title=cut(message.subject, 250),
            body=cut(message.text or message.subject, 10_000) + tail,
            type="success" if well else _TYPES[message.severity],
        )
        ended = await _run(asked)
        printed = safe_text(ended.output.strip(), 200)
        if ended.code == 2:
            raise Refused("it does not know this URL")
        if ended.code:
            raise NotSent(f"it failed: {printed or 'it does not say why'}")
        return printed or "it was sent"


async def _run(asked: Asked) -> child.Ended:
    return await child.run_module(_CHILD, msgspec.json.encode(asked))
