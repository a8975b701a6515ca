"""Hands mail to a server: encrypted unless told otherwise, each refusal understood."""

import asyncio
import hashlib
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import aiosmtplib
from aiosmtplib import SMTP
from aiosmtplib.errors import (
    SMTPAuthenticationError,
    SMTPException,
    SMTPRecipientsRefused,
    SMTPResponseException,
)

from pangea.core.address_rule import AddressRule
from pangea.core.alerts_table import MailTls, SmtpTable, usual_port
from pangea.core.text import safe_text

from .http import trusting_context
from .notifier import NotSent, Refused
from .place import connect

#: How we call ourselves: no name of ours goes to a server that does not need it.
_HELLO = "[127.0.0.1]"
#: aiosmtplib's own limit on each answer; the whole is bounded by who calls.
_ANSWER_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where mail is handed in, and as whom; ``rule`` judges its addresses."""

    host: str
    port: int
    tls: MailTls
    user: str = ""
    password: str = field(default="", repr=False)
    fingerprint: str = ""
    rule: AddressRule = field(default_factory=AddressRule)


@dataclass(frozen=True, slots=True)
class Handed:
    """What became of a mail: who of the recipients was refused, and how."""

    refused: Mapping[str, tuple[int, str]]
    said: str


def configured(table: SmtpTable) -> MailServer:
    """Return the server of the configuration, which may be anywhere."""
    return MailServer(
        host=table.host,
        port=usual_port(table.port, table.tls),
        tls=table.tls,
        user=table.user,
        password=table.password,
        fingerprint=table.tls_fingerprint,
        rule=AddressRule(("0.0.0.0/0", "::/0")),
    )


async def hand_in(
    server: MailServer, sender: str, to: Sequence[str], mail: bytes
) -> Handed:
    """Give *mail* to *server*; return who was refused though others were not.

    Raises NotSent for what may pass (4xx, no connection), Refused for what will not
    (5xx, a certificate that is not trusted). Whoever calls bounds the time.
    """
    if server.user and server.tls == "off":
        raise Refused("a password is not sent in the clear")
    context = await asyncio.to_thread(_context, server.fingerprint)
    client = SMTP(
        hostname=server.host,
        # Its transport owns the socket from here on, and closes it.
        sock=await connect(server.host, server.port, server.rule),
        timeout=_ANSWER_S,
        local_hostname=_HELLO,
        use_tls=server.tls == "tls",
        start_tls=server.tls == "starttls",
        tls_context=context,
    )
    try:
        with _understood(server):
            await client.connect()
            _check_fingerprint(client, server.fingerprint)
            if server.user:
                await client.login(server.user, server.password)
            refused, said = await client.sendmail(sender, list(to), mail)
        await _leave(client)
        return Handed(refused, said)
    finally:
        client.close()


async def _leave(client: SMTP) -> None:
    """Say goodbye; a mail that was taken is not lost by how that goes."""
    try:
        async with asyncio.timeout(2):
            await client.quit()
    except (SMTPException, OSError):
        client.close()


@contextmanager
def _understood(server: MailServer) -> Iterator[None]:
    """Turn all that a server may do into NotSent and Refused."""
    where = f"{safe_text(server.host, 100)}:{server.port}"
    try:
        yield
    except SMTPRecipientsRefused as error:
        raise _nobody(error) from error
    except SMTPAuthenticationError as error:
        raise _answered(error, "it does not let us in") from error
    except SMTPResponseException as error:
        raise _answered(error, "it answered") from error
    except (SMTPException, OSError, ValueError) as error:
        cause = _certificate_error(error)
        if cause:
            said = safe_text(cause.verify_message, 100)
            raise Refused(
                f"the certificate of {where} is not trusted: {said}"
            ) from error
        said = safe_text(str(error) or type(error).__name__)
        if isinstance(error, aiosmtplib.SMTPNotSupported) or "not supported" in said:
            raise Refused(f"{where}: {said}") from error
        raise NotSent(f"{where}: {said}") from error


def _answered(error: SMTPResponseException, doing: str) -> NotSent | Refused:
    """Return what an answer means: 5xx is for ever, all else may pass."""
    said = f"{doing}: {error.code} {safe_text(error.message, 200)}"
    return Refused(said) if 500 <= error.code < 600 else NotSent(said)


def _nobody(error: SMTPRecipientsRefused) -> NotSent | Refused:
    """Return the error of a mail that nobody is to get: for ever if all are."""
    shown = error.recipients[:5]
    said = "; ".join(f"{one.recipient}: {told(one.code, one.message)}" for one in shown)
    final = all(500 <= one.code < 600 for one in error.recipients)
    return (Refused if final else NotSent)(f"every recipient is refused: {said}")


def told(code: int, message: str) -> str:
    """Return an answer as it is shown."""
    return f"{code} {safe_text(message, 100)}"


def _certificate_error(error: BaseException) -> ssl.SSLCertVerificationError | None:
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, ssl.SSLCertVerificationError):
            return found
        found = found.__cause__ or found.__context__
    return None


def _context(fingerprint: str) -> ssl.SSLContext:
    if not fingerprint:
        return trusting_context()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _check_fingerprint(client: SMTP, wanted: str) -> None:
    """Raise Refused unless the server has shown the certificate that is *wanted*."""
    if not wanted:
        return
    shown = client.get_transport_info("ssl_object")
    presented = shown.getpeercert(binary_form=True) if shown else None
    found = hashlib.sha256(presented or b"").hexdigest()
    if found != wanted.replace(":", "").lower():
        raise Refused("its certificate is not that of tls_fingerprint")
