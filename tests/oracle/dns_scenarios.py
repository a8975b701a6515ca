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

SCENARIOS = TYPES + RCODES + ANSWERS + ODD
