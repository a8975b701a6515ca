"""Mail: to several people, by a server of the channel's own or of the configuration."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import ClassVar

from msgspec import Struct
from msgspec.structs import replace

from pangea.core.alerts_table import (
    MailTls,
    check_fingerprint,
    check_mail_server,
    usual_port,
)
from pangea.core.errors import PangeaError, UsageError
from pangea.core.mail_address import parse_mail_address
from pangea.core.options import SecretText, secret_names

from .document import SAMPLES
from .mail import write
from .mail_words import worded
from .notifier import Message, NotSent, Refused
from .place import refuse_literal
from .smtp import Handed, MailServer, configured, hand_in, told
from .templates import Faulty
from .tools import Tools

MOST_RECIPIENTS = 50
#: Of so many mails it is remembered who has them already.
_REMEMBERED = 1000


class EmailOptions(Struct, frozen=True, kw_only=True):
    """Who gets it (``to``, apart by commas), from whom, and by which server.

    Without a ``host`` the server and sender of ``[smtp]`` are used. ``tls`` is
    ``starttls``, ``tls`` from the first byte, or ``off``; a ``port`` of 0 is the
    usual one for it. With ``tls_fingerprint`` that certificate alone is taken.
    ``subject`` and ``text`` are templates to be used instead of our own words; with
    a ``text`` there is no HTML.
    """

    to: tuple[str, ...]
    sender: str = ""
    host: str = ""
    port: int = 0
    tls: MailTls = "starttls"
    user: str = ""
    password: SecretText = ""
    tls_fingerprint: str = ""
    subject: str = ""
    text: str = ""

    def __post_init__(self) -> None:
        if not 1 <= len(self.to) <= MOST_RECIPIENTS:
            raise ValueError(f"to: wanted 1 to {MOST_RECIPIENTS} addresses")
        for one in self.to:
            parse_mail_address(one, "to")
        if self.sender:
            parse_mail_address(self.sender, "sender")
        check_mail_server(self.host, self.port, self.tls, self.user)
        check_fingerprint(self.tls_fingerprint)
        if self.user and not self.host:
            raise ValueError("user: goes with a host; else [smtp] says who we are")


class Email:
    """Sends mail."""

    TYPE: ClassVar[str] = "email"
    DOES: ClassVar[str] = "mail, to one or several people"
    Options: ClassVar[type[Struct]] = EmailOptions
    SECRETS: ClassVar[frozenset[str]] = secret_names(EmailOptions)

    def __init__(self, tools: Tools) -> None:
        self._rule, self._smtp = tools.rule, tools.smtp
        self._done: OrderedDict[str, set[str]] = OrderedDict()

    def place(self, options: EmailOptions) -> str:
        """Return the first recipients."""
        more = len(options.to) - 3
        shown = ", ".join(options.to[:3])
        return f"{shown} and {more} more" if more > 0 else shown

    def possible(self, options: EmailOptions) -> None:
        """Raise UsageError if there is no server or no sender."""
        if not (options.host or self._smtp.host):
            raise UsageError(
                "email: there is no mail server",
                hint="give --set host=…, or [smtp] in the coordinator's configuration",
            )
        if not (options.sender or self._smtp.sender):
            raise UsageError(
                "email: nobody is named who sends it",
                hint="give --set sender=pangea@example.com",
            )
        try:
            refuse_literal(options.host, self._rule)
        except Refused as error:
            raise UsageError(str(error), hint=error.hint) from error

    async def check(self, options: EmailOptions) -> None:
        """Raise UsageError if no message could ever be sent like this."""
        self.possible(options)
        try:
            await worded(options.subject, options.text, SAMPLES)
        except Faulty as error:
            which = ("subject", "text")[error.at]
            raise UsageError(f"email: {which}: {error}", hint=error.hint) from error

    async def send(
        self, message: Message, options: EmailOptions, timeout_s: float
    ) -> str:
        """Send one mail to all; who has it already does not get it again.

        If a server takes it for some and asks to try again for others, NotSent says
        so, and the next try is for those others alone.
        """
        try:
            self.possible(options)
        except UsageError as error:
            raise Refused(str(error), hint=error.hint) from error
        server = self._server(options)
        sender = parse_mail_address(options.sender or self._smtp.sender, "sender")
        everybody = [parse_mail_address(one, "to") for one in options.to]
        done = self._done_of(message.id)
        left = [one.spec for one in everybody if one.spec not in done]
        mail = write(await _own(message, options), sender, everybody)
        handed = await hand_in(server, sender.spec, left, mail.as_bytes())
        done.update(one for one in left if not _again(handed, one))
        return _judged(handed, left, done)

    def _server(self, options: EmailOptions) -> MailServer:
        if not options.host:
            return configured(self._smtp)
        return MailServer(
            host=options.host,
            port=usual_port(options.port, options.tls),
            tls=options.tls,
            user=options.user,
            password=options.password,
            fingerprint=options.tls_fingerprint,
            rule=self._rule,
        )

    def _done_of(self, id_: str) -> set[str]:
        done = self._done.setdefault(id_, set())
        self._done.move_to_end(id_)
        while len(self._done) > _REMEMBERED:
            self._done.popitem(last=False)
        return done


async def _own(message: Message, options: EmailOptions) -> Message:
    """Return *message* in the words of the channel; a template costs no message."""
    try:
        return (await worded(options.subject, options.text, [message]))[0]
    except PangeaError as error:
        note = f"The templates of this channel were not used: {error}"
        return replace(message, text=f"{message.text}\n\n{note}")


def _again(handed: Handed, recipient: str) -> bool:
    refusal = handed.refused.get(recipient)
    return refusal is not None and not 500 <= refusal[0] < 600


def _judged(handed: Handed, asked: Sequence[str], done: set[str]) -> str:
    """Return what became of it in words; NotSent while somebody may yet get it."""
    refused = "; ".join(
        f"{one}: {told(*refusal)}" for one, refusal in list(handed.refused.items())[:5]
    )
    taken = len([one for one in asked if one not in handed.refused])
    if any(_again(handed, one) for one in asked):
        raise NotSent(f"not yet for {refused} (taken for {len(done)} others)")
    return f"taken for {taken}" + (f", but not for {refused}" if refused else "")
