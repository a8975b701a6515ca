"""What both are asked of certificates, over HTTPS and by a bare handshake."""

from typing import Any

from tests.oracle.http_scenarios import SOON, https
from tests.oracle.scenario import Scenario

#: what is wrong with which certificate, as the PKI names them
WRONG = {
    "good": "",
    "expired": "cert_expired",
    "early": "cert_not_yet_valid",
    "elsewhere": "cert_wrong_host",
    "nameless": "cert_wrong_host",
    "own": "cert_self_signed",
    "foreign": "cert_untrusted",
    "chained": "",
    "gap": "cert_incomplete",
    "fading": "",
    "dead": "cert_expired",
    "rooted": "",
    "clientish": "cert_untrusted",
}


def tls(
    name: str, port: str, reason: str = "", module: str = "", **how: Any
) -> Scenario:
    """Return the scenario of a handshake on *port* of 127.0.0.1."""
    timeout_s = how.pop("timeout_s", 5)
    fine = ("expiry", "tls_version") if not reason else ()
    compare = how.pop("compare", fine)
    config = "ca_file: {ca}" + (f", {module}" if module else "")
    return Scenario(
        name=f"tls: {name}",
        prober="tcp",
        target=f"127.0.0.1:{{{port}}}",
        module=f"tls: true, tls_config: {{{config}}}",
        type="tls",
        ours=f"127.0.0.1:{{{port}}}",
        options={"ca_file": "{ca}", "warn_days": 0} | how,
        reason=reason,
        compare=compare,
        timeout_s=timeout_s,
    )


HTTPS = (
    *(
        https(f"certificate {name}", f"https://127.0.0.1:{{{name}}}/ok", reason)
        for name, reason in WRONG.items()
    ),
    https("a name by SNI", "https://localhost:{good}/ok", family="ipv4"),
    https(
        "a server name that is in it",
        "https://127.0.0.1:{good}/ok",
        module="server_name: site.test",
        server_name="site.test",
    ),
    https("TLS over IPv6", "https://[::1]:{good}/ok", needs=("ipv6",)),
    https("TLS 1.2", "https://127.0.0.1:{tls12}/ok"),
    https("TLS 1.3", "https://127.0.0.1:{tls13}/ok"),
    https("s_server", "https://127.0.0.1:{s_tls13}/", compare=("status", "expiry")),
    https("no client certificate for nginx", "https://127.0.0.1:{mtls}/ok", "status"),
    https(
        "no client certificate, TLS 1.2",
        "https://127.0.0.1:{s_mtls12}/",
        "tls_handshake",
    ),
    https(
        "no client certificate, TLS 1.3",
        "https://127.0.0.1:{s_mtls13}/",
        "tls_handshake",
    ),
    https("TLS to a plain port", "https://127.0.0.1:{web}/ok", "tls_handshake"),
    https("reset in the handshake", "https://127.0.0.1:{reset_hello}/", "reset"),
    https("hung up in the handshake", "https://127.0.0.1:{hang_up}/", "tls_handshake"),
    https(
        "a silent handshake", "https://127.0.0.1:{silent}/", "timeout", timeout_s=SOON
    ),
    https("a body to the end without farewell", "https://127.0.0.1:{odd_tls}/http10"),
    https("a body cut off in TLS", "https://127.0.0.1:{odd_tls}/body-cut", "closed"),
)

UNVERIFIED = tuple(
    https(
        f"certificate {name}, not verified",
        f"https://127.0.0.1:{{{name}}}/ok",
        module="insecure_skip_verify: true",
        verify=False,
    )
    for name in ("expired", "elsewhere", "own")
)

HANDSHAKES = (
    *(tls(f"certificate {name}", name, reason) for name, reason in WRONG.items()),
    tls(
        "a wildcard",
        "good",
        module="server_name: one.wild.test",
        server_name="one.wild.test",
    ),
    tls(
        "a wildcard is one label",
        "good",
        "cert_wrong_host",
        module="server_name: one.two.wild.test",
        server_name="one.two.wild.test",
    ),
    tls("TLS 1.0", "old10", module="min_version: TLS10"),
    tls("TLS 1.1", "old11", module="min_version: TLS10"),
    tls("TLS 1.2", "s_tls12"),
    tls("TLS 1.3", "s_tls13"),
    tls("TLS 1.0 is too old", "old10", "tls_version", min_version="1.2"),
    tls("TLS 1.1 is too old", "old11", "tls_version", min_version="1.2"),
    tls(
        "TLS 1.2 is too old",
        "s_tls12",
        "tls_version",
        module="min_version: TLS13",
        min_version="1.3",
    ),
    tls("a signature with SHA-1", "s_sha1", compare=()),
    tls("a key of 1024 bits", "s_small"),
    tls("no client certificate, TLS 1.2", "s_mtls12", "tls_handshake"),
    tls("no client certificate, TLS 1.3", "s_mtls13", "tls_handshake"),
    tls("a plain port", "web", "tls_handshake"),
    tls("a closed port", "closed", "refused"),
    tls("reset in the handshake", "reset_hello", "reset"),
    tls("hung up in the handshake", "hang_up", "tls_handshake"),
    tls("a silent handshake", "silent", "timeout", timeout_s=SOON),
    tls("a banner instead of TLS", "ssh", "tls_handshake"),
    tls(
        "self-signed, not verified",
        "own",
        module="insecure_skip_verify: true",
        verify=False,
    ),
    tls(
        "expired, not verified",
        "expired",
        "cert_expired",
        module="insecure_skip_verify: true",
        verify=False,
    ),
)


#: what is heard and what is then said, until the last consents
Talk = tuple[tuple[str, str], ...]


def mail(
    name: str,
    port: str,
    talk: tuple[tuple[str, str], ...],
    reason: str = "",
    **how: Any,
) -> Scenario:
    """Return the scenario of STARTTLS after *talk*."""
    steps = [f"{{expect: '{heard}', send: '{said}'}}" for heard, said in talk[:-1]]
    steps.append(f"{{expect: '{talk[-1][0]}', starttls: true}}")
    script = f"query_response: [{', '.join(steps)}]"
    timeout_s = how.pop("timeout_s", 5)
    return Scenario(
        name=f"tls: {name}",
        prober="tcp",
        target=f"127.0.0.1:{{{port}}}",
        module=f"{script}, tls_config: {{ca_file: {{ca}}}}",
        type="tls",
        ours=f"127.0.0.1:{{{port}}}",
        options={"ca_file": "{ca}", "warn_days": 0} | how,
        reason=reason,
        compare=() if reason else ("expiry", "tls_version"),
        timeout_s=timeout_s,
    )


SMTP = (("^220 ", "EHLO x"), ("^250[ -]STARTTLS", "STARTTLS"), ("^220 ", ""))
STARTTLS = (
    mail("STARTTLS of SMTP", "smtp", SMTP, starttls="smtp"),
    mail(
        "STARTTLS with an expired certificate",
        "smtp_expired",
        SMTP,
        "cert_expired",
        starttls="smtp",
    ),
    mail(
        "STARTTLS is not offered",
        "smtp_plain",
        SMTP,
        "starttls",
        starttls="smtp",
        timeout_s=SOON,
    ),
    mail(
        "STARTTLS of IMAP",
        "imap",
        (("OK", "a STARTTLS"), ("OK", "")),
        starttls="imap",
    ),
    mail("STARTTLS of POP3", "pop3", (("OK", "STLS"), ("OK", "")), starttls="pop3"),
    mail(
        "STARTTLS of FTP", "ftp", (("^220", "AUTH TLS"), ("^234", "")), starttls="ftp"
    ),
)

CLIENT = "cert_file: {user_cert}, key_file: {user_key}"
SHOWING = {"client_cert": "{user_cert}", "client_key": "{user_key}"}
CLIENTS = (
    tls("a client certificate, TLS 1.2", "s_mtls12", module=CLIENT, **SHOWING),
    tls("a client certificate, TLS 1.3", "s_mtls13", module=CLIENT, **SHOWING),
)

SCENARIOS = STARTTLS + CLIENTS + HTTPS + UNVERIFIED + HANDSHAKES
