"""What both are asked of ports, banners and pings."""

from typing import Any

from tests.oracle.http_scenarios import SOON
from tests.oracle.scenario import Scenario


def tcp(
    name: str, port: str, reason: str = "", module: str = "", **how: Any
) -> Scenario:
    """Return the scenario of a connection to *port*, a word or ``host:port``."""
    target = port if ":" in port else f"127.0.0.1:{{{port}}}"
    timeout_s = how.pop("timeout_s", 5)
    return Scenario(
        name=f"tcp: {name}",
        prober="tcp",
        target=target,
        module=module,
        type="tcp",
        ours=target,
        needs=how.pop("needs", ()),
        options=how,
        reason=reason,
        timeout_s=timeout_s,
    )


def hears(pattern: str) -> str:
    """Return the module that waits for a line like *pattern*."""
    return f"query_response: [{{expect: '{pattern}'}}]"


def ping(
    name: str, host: str, reason: str = "", module: str = "", **how: Any
) -> Scenario:
    """Return the scenario of an echo request to *host*."""
    timeout_s = how.pop("timeout_s", 5)
    compare = how.pop("compare", () if reason else ("reply_ttl",))
    needs = ("icmp", "ipv6") if ":" in host else ("icmp",)
    return Scenario(
        name=f"icmp: {name}",
        prober="icmp",
        target=host,
        module=module,
        type="icmp",
        ours=host,
        options={"count": 1} | how,
        reason=reason,
        compare=compare,
        timeout_s=timeout_s,
        needs=needs,
    )


TRUSTING = {"tls": True, "ca_file": "{ca}"}
TLS = "tls: true, tls_config: {ca_file: {ca}}"
TCP = (
    tcp("an open port", "ssh"),
    tcp("an open port over IPv6", "[::1]:{web}", needs=("ipv6",)),
    tcp("a closed port", "closed", "refused"),
    tcp("a port that says nothing", "silent"),
    tcp("the banner is right", "ssh", module=hears("^SSH-2.0-"), expect="^SSH-2.0-"),
    tcp(
        "the banner is wrong",
        "ssh",
        "timeout",
        hears("^220 "),
        expect="^220 ",
        timeout_s=SOON,
    ),
    tcp(
        "the second line is right",
        "greeting",
        module=hears("^more"),
        expect="(?m)^more",
    ),
    tcp("a banner in pieces", "pieces", module=hears("220 ready"), expect="220 ready"),
    tcp(
        "a prompt without an end of line",
        "prompt",
        module=hears("login:"),
        expect="login:",
        timeout_s=SOON,
    ),
    tcp("a banner of control characters", "binary", module=hears("2J"), expect="2J"),
    tcp(
        "no banner at all",
        "silent",
        "timeout",
        hears("^220 "),
        expect="^220 ",
        timeout_s=SOON,
    ),
    tcp(
        "closed before the banner",
        "hang_up",
        "banner",
        "query_response: [{send: 'hi'}, {expect: '^220 '}]",
        send="hi\\n",
        expect="^220 ",
    ),
    tcp(
        "reset before the banner",
        "reset_hello",
        "reset",
        "query_response: [{send: 'hi'}, {expect: '^220 '}]",
        send="hi\\n",
        expect="^220 ",
    ),
    tcp(
        "a question and its answer",
        "parrot",
        module="query_response: [{send: 'polly'}, {expect: 'you said polly'}]",
        send="polly\\n",
        expect="you said polly",
    ),
    tcp(
        "a question and its answer in TLS",
        "parrot_tls",
        module=TLS + ", query_response: [{send: 'polly'}, {expect: 'you said polly'}]",
        tls=True,
        ca_file="{ca}",
        send="polly\\n",
        expect="you said polly",
    ),
    tcp("TLS", "good", module=TLS, tls=True, ca_file="{ca}"),
    tcp(
        "TLS with a wrong certificate",
        "expired",
        "cert_expired",
        TLS,
        tls=True,
        ca_file="{ca}",
    ),
    tcp(
        "TLS to a plain port", "parrot", "tls_handshake", TLS, tls=True, ca_file="{ca}"
    ),
    tcp(
        "a mail server's greeting",
        "smtp",
        module=hears("^220 .* ESMTP"),
        expect="^220 .* ESMTP",
    ),
)

EHLO = "query_response: [{expect: '^220 '}, {send: 'EHLO x'}, {expect: '^250 HELP'}"
SPOKEN = ("expect ^220 ", "send EHLO x\\r\\n", "expect ^250 HELP")
STARTTLS = EHLO + ", {send: STARTTLS}, {expect: '^220 '}, {starttls: true}"
SWITCHED = (*SPOKEN, "send STARTTLS\\r\\n", "expect ^220 ", "starttls")
DIALOGUES = (
    tcp("a dialogue", "smtp", module=EHLO + "]", dialogue=SPOKEN),
    tcp(
        "a dialogue that ends otherwise",
        "smtp",
        "banner",
        EHLO + ", {send: NOOP}, {expect: '^250 '}]",
        dialogue=(*SPOKEN, "send NOOP\\r\\n", "expect ^250 "),
        timeout_s=1,
        quiet_ms=300,
    ),
    tcp(
        "a dialogue with STARTTLS",
        "smtp",
        module=STARTTLS + ", {send: 'EHLO x'}, {expect: '^250 HELP'}], "
        "tls_config: {ca_file: {ca}}",
        dialogue=(*SWITCHED, "send EHLO x\\r\\n", "expect ^250 HELP"),
        ca_file="{ca}",
    ),
    tcp(
        "a dialogue with STARTTLS and an expired certificate",
        "smtp_expired",
        "cert_expired",
        STARTTLS + "], tls_config: {ca_file: {ca}}",
        dialogue=SWITCHED,
        ca_file="{ca}",
    ),
    tcp("no client certificate, TLS 1.2", "s_mtls12", "tls_handshake", TLS, **TRUSTING),
    tcp("no client certificate, TLS 1.3", "s_mtls13", "tls_handshake", TLS, **TRUSTING),
)

PING = (
    ping("IPv4", "127.0.0.1"),
    ping("IPv6", "::1"),
    ping("a name", "localhost", family="ipv4"),
    ping("a large packet", "127.0.0.1", module="payload_size: 1400", size=1400),
    ping("undivided", "127.0.0.1", module="dont_fragment: true", dont_fragment=True),
    ping("a time to live", "127.0.0.1", module="ttl: 3", ttl=3),
)

SCENARIOS = TCP + DIALOGUES + PING
