"""A real mail server: aiosmtpd, with TLS and logins, that refuses as told."""

import asyncio
import hashlib
import ssl
import warnings

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


class Handler:
    """Keeps mail; recipients, sender and data are answered as told."""

    def __init__(self):
        self.mails, self.recipients = [], {}
        self.at_sender = self.at_data = ""

    async def handle_MAIL(self, server, session, envelope, address, options):
        envelope.mail_from = address
        return self.at_sender or "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        answer = self.recipients.get(address, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server, session, envelope):
        if self.at_data:
            return self.at_data
        self.mails.append(
            (envelope.mail_from, list(envelope.rcpt_tos), envelope.content)
        )
        return "250 taken"


class MailServer:
    """The server, and how to reach it."""

    def __init__(self, *, tls="starttls", login=False):
        authority = trustme.CA()
        issued = authority.issue_cert("localhost", "127.0.0.1")
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        issued.configure_cert(self.context)
        der = ssl.PEM_cert_to_DER_cert(issued.cert_chain_pems[0].bytes().decode())
        self.fingerprint = hashlib.sha256(der).hexdigest()
        self.handler, self.logins = Handler(), []
        self.tls, self.login = tls, login

    def _allow(self, server, session, envelope, mechanism, given):
        self.logins.append((session.ssl is not None or self.tls == "tls", mechanism))
        good = isinstance(given, LoginPassword) and given.password == b"hunter2-hunter2"
        return AuthResult(success=good, handled=good)

    def _protocol(self):
        with warnings.catch_warnings():
            # It takes TLS from the first byte for none.
            warnings.simplefilter("ignore")
            return SMTP(
                self.handler,
                hostname="mx.test",
                tls_context=self.context if self.tls == "starttls" else None,
                require_starttls=self.tls == "starttls",
                authenticator=self._allow if self.login else None,
                auth_required=self.login,
                auth_require_tls=self.tls == "starttls",
            )

    async def __aenter__(self):
        implicit = self.context if self.tls == "tls" else None
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            self._protocol, "127.0.0.1", 0, ssl=implicit
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self._server.close()
        await self._server.wait_closed()

    def options(self, **more):
        """Return the options of a channel that uses it."""
        return {
            "to": "ops@example.com",
            "sender": "Pangea <pangea@example.com>",
            "host": "127.0.0.1",
            "port": self.port,
            "tls": self.tls,
            "tls_fingerprint": self.fingerprint if self.tls != "off" else "",
            **more,
        }
