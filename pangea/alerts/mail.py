"""Writes mail: text and HTML in one, threaded, and nothing injected. Pure."""

import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from pangea.core.mail_address import MailAddress
from pangea.core.text import safe_text

from .notifier import Message

_PLAIN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_IMPORTANCE = {"critical": "high", "warning": "normal", "info": "low"}


def write(
    message: Message, sender: MailAddress, to: Sequence[MailAddress]
) -> EmailMessage:
    """Return the mail that *message* is.

    Its Message-ID follows from the id, so that the same one twice is one to many
    servers; all of one thread refer to the same root (RFC 5322, 3.6.4).
    """
    mail = written(message.subject, message.text, message.html, sender, to)
    root = f"<{_id(message.thread)}.thread@{sender.host}>"
    mail["Message-ID"] = f"<{_id(message.id)}@{sender.host}>"
    mail["In-Reply-To"] = root
    mail["References"] = root
    mail["Date"] = datetime.fromtimestamp(message.at_us // 1_000_000, UTC)
    mail["Importance"] = _IMPORTANCE[message.severity]
    mail["X-Pangea-Kind"] = message.kind
    if message.drill:
        mail["X-Pangea-Drill"] = "yes"
    return mail


def written(
    subject: str, text: str, html: str, sender: MailAddress, to: Sequence[MailAddress]
) -> EmailMessage:
    """Return a mail of *text*, and of *html* where there is any.

    The subject is made one line; Message-ID and Date are for the caller to set.
    """
    mail = EmailMessage(policy=SMTP)
    mail["From"] = _address(sender)
    mail["To"] = tuple(_address(one) for one in to)
    # An encoded word is decoded when a header is folded, whatever is in it.
    mail["Subject"] = safe_text(subject, 250).replace("=?", "= ?")
    # Who is on holiday need not answer (RFC 3834).
    mail["Auto-Submitted"] = "auto-generated"
    # Any server takes that, whatever is in a text.
    mail.set_content(text, cte="quoted-printable")
    if html:
        mail.add_alternative(html, subtype="html", cte="quoted-printable")
    return mail


def _address(given: MailAddress) -> Address:
    return Address(display_name=given.name, addr_spec=given.spec)


def _id(given: str) -> str:
    if _PLAIN_ID.fullmatch(given):
        return given
    return hashlib.sha256(given.encode()).hexdigest()[:32]
