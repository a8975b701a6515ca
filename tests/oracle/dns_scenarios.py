"""What both are asked of name servers."""

from typing import Any

from tests.oracle.http_scenarios import SOON
from tests.oracle.scenario import Scenario


def dns(
    name: str,
    question: str,
    kind: str = "A",
    reason: str = "",
    server: str = "127.0.0.1:{unbound}",
    module: str = "",
    **how: Any,
) -> Scenario:
    """Return the scenario of a question to *server*."""
    if ":" not in server:
        server = f"127.0.0.1:{{{server}}}"
    timeout_s = how.pop("timeout_s", 5)
    asked = f"query_name: {question!r}, query_type: {kind}"
    silent = reason in ("timeout", "refused", "reset", "closed", "protocol")
    return Scenario(
        name=f"dns: {name}",
        prober="dns",
        target=server,
        module=", ".join(filter(None, (asked, module))),
        type="dns",
        ours=question,
        compare=how.pop("compare", () if silent else ("rcode",)),
        needs=how.pop("needs", ()),
        options={"resolver": server, "type": kind, "min_answers": 0} | how,
        reason=reason,
        timeout_s=timeout_s,
    )


def odd(name: str, server: str, reason: str = "", **how: Any) -> Scenario:
    """Return the scenario of a name server of our own making."""
    return dns(name, "a.odd.test", "A", reason, server, **how)


def holds(pattern: str) -> str:
    """Return the module that wants *pattern* in one of the answers."""
    return f"validate_answer_rrs: {{fail_if_none_matches_regexp: ['{pattern}']}}"


TYPES = tuple(
    dns(f"type {kind}", name, kind, module=holds(there), answer_regex=ours)
    for name, kind, there, ours in (
        ("a.zone.test", "A", "192.0.2.1", "^192.0.2.1$"),
        ("a.zone.test", "AAAA", "2001:db8::1", "^2001:db8::1$"),
        ("alias.zone.test", "CNAME", "a.zone.test", "a.zone.test"),
        ("zone.test", "MX", "10\\s+mail.zone.test", "^10 mail.zone.test"),
        ("zone.test", "NS", "ns.zone.test", "ns.zone.test"),
        ("zone.test", "TXT", "v=spf1 -all", "v=spf1 -all"),
        ("zone.test", "SOA", "2024060107", "2024060107"),
        ("_sip._tcp.zone.test", "SRV", "5060", "5060"),
        ("zone.test", "CAA", "ca.test", "ca.test"),
        ("1.2.0.192.in-addr.arpa", "PTR", "a.zone.test", "a.zone.test"),
    )
)

RCODES = (
    *(
        odd(code, code.lower(), "rcode")
        for code in (
            "FORMERR",
            "SERVFAIL",
            "NOTIMP",
            "REFUSED",
            "NXDOMAIN",
            "YXDOMAIN",
            "NOTAUTH",
        )
    ),
    dns("NXDOMAIN of unbound", "no.zone.test", reason="rcode"),
    dns(
        "NXDOMAIN is wanted",
        "no.zone.test",
        module="valid_rcodes: [NXDOMAIN]",
        expect_rcode="NXDOMAIN",
    ),
    dns(
        "NXDOMAIN is wanted and does not come",
        "a.zone.test",
        reason="rcode",
        module="valid_rcodes: [NXDOMAIN]",
        expect_rcode="NXDOMAIN",
    ),
    dns(
        "one of two codes is wanted",
        "x.refused.test",
        module="valid_rcodes: [NOERROR, REFUSED]",
        expect_rcode="NOERROR,REFUSED",
    ),
    dns("REFUSED of unbound", "x.refused.test", reason="rcode"),
    dns("SERVFAIL of unbound", "x.elsewhere.test", reason="rcode"),
    dns("nothing of that type", "a.zone.test", "MX"),
    dns("nothing at all", "x.empty.test"),
)

ANSWERS = (
    dns(
        "the answer is wrong",
        "a.zone.test",
        reason="answer",
        module=holds("192.0.2.9"),
        answer_regex="192.0.2.9",
    ),
    dns(
        "no answer to look in",
        "x.empty.test",
        reason="answer",
        module=holds("192"),
        answer_regex="192",
    ),
    dns(
        "one of two answers is right",
        "two.zone.test",
        module=holds("192.0.2.2"),
        answer_regex="192.0.2.2",
    ),
    dns("over TCP", "a.zone.test", module="transport_protocol: tcp", transport="tcp"),
    dns("over IPv6", "a.zone.test", server="[::1]:{unbound}", needs=("ipv6",)),
    dns(
        "a name server by name",
        "a.zone.test",
        server="localhost:{unbound}",
        family="ipv4",
    ),
    dns(
        "without recursion",
        "a.zone.test",
        module="recursion_desired: false",
        recursion=False,
    ),
    dns(
        "cut over UDP, whole over TCP",
        "long.zone.test",
        "TXT",
        module=holds("11xx"),
        answer_regex="11xx",
    ),
    dns(
        "cut of our own, whole over TCP",
        "a.odd.test",
        server="dns_cut",
        module=holds("192.0.2.7"),
        answer_regex="192.0.2.7",
    ),
    dns(
        "cut, and nobody on TCP",
        "a.odd.test",
        reason="truncated",
        compare=(),
        server="dns_cut_only",
    ),
)


def judged(section: str, kind: str, pattern: str) -> str:
    """Return the module with one rule for the records of *section*."""
    return f"validate_{section}_rrs: {{fail_if_{kind}_regexp: ['{pattern}']}}"


MORE = (
    dns(
        "each answer is right",
        "two.zone.test",
        module=judged("answer", "not_matches", "192.0.2."),
        answer_regex_all="^192.0.2.",
    ),
    dns(
        "one answer is not right",
        "two.zone.test",
        reason="answer",
        module=judged("answer", "not_matches", "192.0.2.1"),
        answer_regex_all="^192.0.2.1$",
    ),
    dns(
        "no answer is wrong",
        "two.zone.test",
        module=judged("answer", "matches", "192.0.2.9"),
        answer_regex_none="192.0.2.9",
    ),
    dns(
        "one answer is wrong",
        "two.zone.test",
        reason="answer",
        module=judged("answer", "matches", "192.0.2.2"),
        answer_regex_none="192.0.2.2",
    ),
    dns(
        "all values are there",
        "two.zone.test",
        module=judged("answer", "none_matches", "192.0.2.2"),
        expect_all="192.0.2.1,192.0.2.2",
    ),
    dns(
        "a value is missing",
        "two.zone.test",
        reason="answer",
        module=judged("answer", "none_matches", "192.0.2.3"),
        expect_all="192.0.2.1,192.0.2.3",
    ),
    dns(
        "the authority section",
        "a.zone.test",
        "MX",
        module=judged("authority", "none_matches", "2024060107"),
        section="authority",
        answer_regex="2024060107",
    ),
    dns(
        "the authority section says otherwise",
        "a.zone.test",
        "MX",
        "answer",
        module=judged("authority", "none_matches", "1999"),
        section="authority",
        answer_regex="1999",
    ),
    dns("the serial number", "zone.test", "SOA", compare=("rcode", "serial")),
    dns("ANY", "zone.test", "ANY"),
    dns(
        "class CHAOS",
        "version.bind",
        "TXT",
        module="query_class: CH, " + judged("answer", "none_matches", "oracle"),
        answer_regex="oracle",
        **{"class": "CH"},
    ),
)

SECURE = "transport_protocol: tcp, dns_over_tls: true"
TRUSTED = SECURE + ", tls_config: {ca_file: {ca}}"
OVER_TLS = (
    dns(
        "over TLS",
        "a.zone.test",
        server="dot",
        module=f"{TRUSTED}, {holds('192.0.2.1')}",
        transport="tls",
        ca_file="{ca}",
        answer_regex="192.0.2.1",
    ),
    dns(
        "NXDOMAIN over TLS",
        "no.zone.test",
        "A",
        "rcode",
        "dot",
        TRUSTED,
        transport="tls",
        ca_file="{ca}",
    ),
    dns(
        "over TLS, an authority that nobody knows",
        "a.zone.test",
        "A",
        "cert_untrusted",
        "dot_foreign",
        TRUSTED,
        transport="tls",
        ca_file="{ca}",
        compare=(),
    ),
    dns(
        "over TLS, not verified",
        "a.zone.test",
        server="dot_foreign",
        module=SECURE + ", tls_config: {insecure_skip_verify: true}",
        transport="tls",
        verify=False,
    ),
    dns(
        "over TLS, an expired certificate",
        "a.zone.test",
        "A",
        "cert_expired",
        "dot_expired",
        TRUSTED,
        transport="tls",
        ca_file="{ca}",
        compare=(),
    ),
    dns(
        "over TLS, a port that is plain",
        "a.zone.test",
        "A",
        "tls_handshake",
        "web",
        TRUSTED,
        transport="tls",
        ca_file="{ca}",
        compare=(),
    ),
    dns(
        "over TLS, a closed port",
        "a.zone.test",
        "A",
        "refused",
        "closed",
        TRUSTED,
        transport="tls",
        ca_file="{ca}",
    ),
)

ODD = (
    odd("a right answer", "dns_right"),
    odd("silence", "dns_silent", "timeout", timeout_s=SOON),
    dns("silence of unbound", "x.silent.test", reason="timeout", timeout_s=SOON),
    odd("a closed port", "closed", "refused"),
    odd(
        "a closed port over TCP",
        "closed",
        "refused",
        module="transport_protocol: tcp",
        transport="tcp",
    ),
    odd("another id", "dns_wrong_id", "timeout", timeout_s=SOON),
    odd("another id first", "dns_wrong_id_first"),
    odd("another port", "dns_elsewhere", "timeout", timeout_s=SOON),
    odd(
        "another question", "dns_wrong_question", "timeout", timeout_s=SOON, compare=()
    ),
    odd(
        "another type of answer",
        "dns_wrong_type",
        "answer",
        module=holds("\\tA\\t"),
        min_answers=1,
    ),
    odd("a question sent back", "dns_no_qr", "protocol"),
    odd("half an answer", "dns_half", "protocol"),
    odd("a name that loops", "dns_looped", "protocol"),
    odd("garbage", "dns_garbage", "protocol"),
    odd("two bytes", "dns_short", "protocol"),
    odd("SERVFAIL without the question", "dns_no_question", "rcode"),
    odd(
        "over TCP of our own",
        "dns_tcp",
        module="transport_protocol: tcp",
        transport="tcp",
    ),
    odd(
        "another id over TCP",
        "dns_tcp_wrong_id",
        "protocol",
        module="transport_protocol: tcp",
        transport="tcp",
    ),
    odd(
        "hung up over TCP",
        "dns_tcp_hangup",
        "closed",
        module="transport_protocol: tcp",
        transport="tcp",
    ),
)

SCENARIOS = TYPES + RCODES + ANSWERS + MORE + OVER_TLS + ODD
