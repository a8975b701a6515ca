import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from pangea.core.errors import UsageError
from pangea.core.model import Outcome
from pangea.probes.base import make_probe
from pangea.probes.runner import run_once
from pangea.system_clock import SystemClock
from tests.probes.name_server import respond, udp_server


def says(*texts, **how):
    return lambda question: respond(question, *texts, **how).to_wire()


@pytest.fixture
def asked(ask):
    """Ask a server that answers so: ``await asked(says("192.0.2.7"), min_ttl=60)``."""

    async def once(answer, target="host.example", **options):
        async with udp_server(answer) as port:
            return await ask("dns", target, resolver=f"127.0.0.1:{port}", **options)

    return once


@pytest.mark.parametrize(
    ("kind", "answers", "expected"),
    [
        ("A", ["192.0.2.7", "192.0.2.8"], "192.0.2.8,192.0.2.7"),
        ("AAAA", ["2001:db8::7"], "2001:0DB8:0:0::7"),
        ("CAA", ['0 issue "ca.example"'], "0 issue ca.example"),
        ("CNAME", ["Other.example."], "other.EXAMPLE"),
        ("DNSKEY", ["257 3 13 " + "abcd" * 8], "257 3 13 " + "abcd " * 8),
        ("DS", ["1 8 2 " + "ab" * 32], "1 8 2 " + "AB" * 32),
        ("HTTPS", ["1 . alpn=h2 port=443"], "1 . port=443 alpn=h2"),
        ("MX", ["10 mail.example."], "10 Mail.Example"),
        ("NAPTR", ['9 8 "S" "SIP+D2U" "" a.example.'], "9 8 S SIP+D2U '' a.example"),
        ("NS", ["a.example.", "b.example."], "b.example"),
        ("PTR", ["host.example."], "host.example"),
        ("SOA", ["a. b. 7 2 3 4 5"], "a b 7 2 3 4 5"),
        ("SRV", ["1 2 5060 sip.example."], "1 2 5060 sip.example"),
        ("SSHFP", ["1 1 " + "ab" * 20], "1 1 " + "AB" * 20),
        ("TLSA", ["3 1 1 " + "ab" * 32], "3 1 1 " + "AB" * 32),
        ("TXT", ['"v=spf1 " "-all"'], "v=spf1 -all"),
        ("TXT", ['"a" "b"'], '"ab"'),
        ("TXT", ['"b\\195\\188cher"'], "bücher"),
        ("TYPE65399", ["\\# 2 0a0b"], "\\# 2 0A0B"),
    ],
)
async def test_a_value_is_found_however_it_is_written(asked, kind, answers, expected):
    expected = expected.replace("''", '""')
    expect = expected.split(",") if kind == "A" else [expected]
    result = await asked(says(*answers), type=kind, expect_all=expect)
    assert (result.outcome, result.detail) == (Outcome.OK, "")
    assert result.readings["answers"]


TWO = says("192.0.2.7", "192.0.2.8")


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"expect_all": "192.0.2.8,192.0.2.9"}, "also 192.0.2.9"),
        ({"expect_answer": "192.0.2.9"}, "192.0.2.9"),
        ({"expect_any": "192.0.2.1,192.0.2.9"}, "any of 192.0.2.1, 192.0.2.9"),
        ({"expect_none": "192.0.2.1,192.0.2.8"}, "not 192.0.2.8"),
        ({"answer_regex": "9$"}, "a match of 9$"),
        ({"answer_regex_all": "7$"}, "a match of 7$ in every record"),
        ({"answer_regex_none": "8$"}, "no match of 8$"),
    ],
)
async def test_a_wrong_answer_is_told_with_what_was_wanted(asked, options, wanted):
    result = await asked(TWO, **options)
    assert (result.outcome, result.reason) == (Outcome.FAILED, "answer")
    got, _, said = result.detail.partition(", wanted ")
    assert set(got.removeprefix("got ").split(", ")) == {"192.0.2.7", "192.0.2.8"}
    assert said == wanted


@pytest.mark.parametrize(
    "options",
    [
        {"expect_all": "192.0.2.8,192.0.2.7"},
        {"expect_any": "192.0.2.1,192.0.2.8"},
        {"expect_none": "192.0.2.1"},
        {"answer_regex": "8$"},
        {"answer_regex_all": r"^192\."},
        {"answer_regex_none": r"^10\."},
    ],
)
async def test_a_right_answer_passes(asked, options):
    assert (await asked(TWO, **options)).detail == ""


@pytest.mark.parametrize(
    "options",
    [
        {"expect_all": "192.0.2.999"},
        {"type": "AAAA", "expect_any": "192.0.2.7"},
        {"type": "MX", "expect_none": "mail.example"},
        {"answer_regex": "(a+)+$"},
        {"answer_regex_none": "["},
        {"min_serial": 7},
        {"edns_size": 400},
        {"edns_size": 65_535},
        {"class": "HS"},
        {"expect_rcode": "NXDOMIAN"},
        {"resolver": "127.0.0.1,smtp://127.0.0.1"},
        {"transport": "tls"},
        {"transport": "https"},
        {"resolver": "https://user:secret@dns.example"},
        {"resolver": ",".join(f"127.0.0.{n}" for n in range(1, 11))},
        {"server_name": "not a name"},
        {"min_ttl": -1},
        {"section": "question"},
    ],
)
def test_what_can_never_be_right_is_refused(options):
    with pytest.raises(UsageError) as caught:
        make_probe("dns", "host.example", options)
    assert "secret" not in str(caught.value)


async def test_a_code_of_edns_is_known_by_its_name(asked):
    def badvers(question):
        response = respond(question)
        response.use_edns(0, payload=1232)
        response.set_rcode(dns.rcode.BADVERS)
        return response.to_wire()

    result = await asked(badvers, edns_size=1232)
    assert result.detail == "got BADVERS, wanted NOERROR"
    allowed = await asked(badvers, edns_size=1232, expect_rcode="BADVERS")
    assert allowed.outcome is Outcome.OK


async def test_the_servers_own_explanation_is_told(asked):
    def explain(question):
        response = respond(question, rcode="SERVFAIL")
        error = dns.edns.EDEOption(dns.edns.EDECode.DNSSEC_BOGUS, "bad\x1b[2J")
        response.use_edns(0, payload=1232, options=[error])
        return response.to_wire()

    result = await asked(explain, dnssec=True)
    assert result.reason == "rcode"
    assert result.detail == r"got SERVFAIL (6: bad\x1b[2J), wanted NOERROR"


async def test_the_server_is_asked_for_its_name(asked):
    def named(question, name=b"ns1.fra"):
        assert [int(option.otype) for option in question.options] == [3]
        response = respond(question, "192.0.2.7")
        response.use_edns(0, payload=1400, options=[dns.edns.NSIDOption(name)])
        return response.to_wire()

    result = await asked(named, nsid=True)
    assert (result.outcome, result.readings["nsid"]) == (Outcome.OK, "ns1.fra")
    assert result.readings["edns_size"] == 1400
    binary = await asked(lambda q: named(q, b"\x00\x1b"), nsid=True)
    assert binary.readings["nsid"] == "001b"


async def test_a_server_that_does_not_know_edns_is_no_failure(asked):
    def old(question):
        question.use_edns(False)
        return respond(question, "192.0.2.7").to_wire()

    result = await asked(old, edns_size=1232)
    assert (result.outcome, result.readings["edns_size"]) == (Outcome.OK, None)


async def test_the_flags_are_sent_as_wished(asked):
    seen = []

    def note(question):
        seen.append((dns.flags.to_text(question.flags), question.ednsflags))
        return respond(question, "192.0.2.7", flags=dns.flags.AD).to_wire()

    await asked(note)
    await asked(note, require_ad=True)
    await asked(note, checking_disabled=True, recursion=False, dnssec=True)
    assert seen == [("RD", 0), ("RD AD", 0), ("CD", 0x8000)]


@pytest.mark.parametrize(
    ("option", "flag", "reason"),
    [
        ("require_aa", dns.flags.AA, "not_authoritative"),
        ("require_ad", dns.flags.AD, "not_validated"),
    ],
)
async def test_a_flag_can_be_required(asked, option, flag, reason):
    with_flag = await asked(says("192.0.2.7", flags=flag), **{option: True})
    assert with_flag.outcome is Outcome.OK
    without = await asked(says("192.0.2.7"), **{option: True})
    assert (without.outcome, without.reason) == (Outcome.FAILED, reason)


@pytest.mark.parametrize(
    ("options", "detail"),
    [
        ({"min_ttl": 60, "max_ttl": 60}, ""),
        ({"min_ttl": 61}, "got a TTL of 60 s, wanted at least 61 s"),
        ({"max_ttl": 59}, "got a TTL of 60 s, wanted at most 59 s"),
    ],
)
async def test_the_ttl_is_held_to_its_bounds(asked, options, detail):
    result = await asked(says("192.0.2.7", ttl=60), **options)
    assert (result.detail, result.reason) == (detail, "record_ttl" if detail else "")


async def test_a_ttl_out_of_bounds_is_seen_though_the_answer_is_known(tools):
    ttl = [300]

    def counting_down(question):
        return respond(question, "192.0.2.7", ttl=ttl[0]).to_wire()

    outcomes = []
    async with udp_server(counting_down) as port:
        probe = make_probe(
            "dns", "host.example", {"resolver": f"127.0.0.1:{port}", "min_ttl": 10}
        )
        for ttl[0] in (300, 10, 9, 300):
            result = await run_once(probe, tools, SystemClock(), job=1, timeout_s=5)
            outcomes.append(result.reason)
    assert outcomes == ["", "", "record_ttl", ""]


SOA = "ns.example. root.example. {} 3600 600 86400 300"


@pytest.mark.parametrize(
    ("serial", "least", "reason"),
    [
        (2026112201, 2026112201, ""),
        (2026112200, 2026112201, "zone_serial"),
        (5, 4294967290, ""),  # it went round
        (4294967290, 5, "zone_serial"),
    ],
)
async def test_the_zone_must_be_as_new_as_wanted(asked, serial, least, reason):
    result = await asked(says(SOA.format(serial)), type="SOA", min_serial=least)
    assert (result.reason, result.readings["serial"]) == (reason, serial)


async def test_a_text_of_the_chaos_class_can_be_asked(asked):
    def version(question):
        asked_for = question.question[0]
        assert (asked_for.rdclass, asked_for.rdtype) == (3, 16)
        response = dns.message.make_response(question)
        text = dns.rrset.from_text(asked_for.name, 0, "CH", "TXT", '"9.18"')
        response.answer.append(text)
        return response.to_wire()

    options = {"class": "CH", "type": "TXT", "expect_all": "9.18"}
    result = await asked(version, "version.bind", **options)
    assert (result.outcome, result.detail) == (Outcome.OK, "")


def referral(question):
    response = respond(question)
    response.authority.append(
        dns.rrset.from_text("example.", 9, "IN", "NS", "a.example.", "b.example.")
    )
    response.additional.append(
        dns.rrset.from_text("a.example.", 9, "IN", "A", "192.0.2.53")
    )
    return response.to_wire()


@pytest.mark.parametrize(
    ("section", "expected"),
    [("authority", "A.example,b.example."), ("additional", "192.0.2.53")],
)
async def test_the_other_sections_can_be_judged(asked, section, expected):
    result = await asked(referral, section=section, expect_all=expected)
    assert (result.outcome, result.detail) == (Outcome.OK, "")
    missing = await asked(referral, section=section, min_answers=3)
    count = 2 if section == "authority" else 1
    plural = "s" if count == 2 else ""
    assert missing.detail == f"got {count} {section} record{plural}, wanted at least 3"


def chain(question):
    response = respond(question)
    for owner, kind, value in [
        # Servers need not put them in order.
        ("c.example.", "A", "192.0.2.7"),
        ("Host.example.", "CNAME", "b.example."),
        ("b.example.", "CNAME", "C.example."),
        ("evil.example.", "A", "192.0.2.66"),
    ]:
        response.answer.append(dns.rrset.from_text(owner, 60, "IN", kind, value))
    return response.to_wire()


async def test_aliases_are_followed_and_other_names_are_not_believed(asked):
    result = await asked(chain)
    assert result.readings["answers"] == ["192.0.2.7"]
    assert result.readings["alias"].lower() == "c.example."
    wrong = await asked(chain, min_answers=2)
    said = "got 1 A record (1 A record for other names), wanted at least 2"
    assert wrong.detail == said


async def test_aliases_in_a_circle_end(asked):
    def circle(question):
        response = respond(question)
        for owner, value in [("host.example.", "b."), ("b.", "host.example.")]:
            alias = dns.rrset.from_text(owner, 60, "IN", "CNAME", value)
            response.answer.append(alias)
        return response.to_wire()

    result = await asked(circle)
    assert (result.reason, result.outcome) == ("answer", Outcome.FAILED)


async def test_nxdomain_with_an_answer_contradicts_itself(asked):
    lie = says("192.0.2.7", rcode="NXDOMAIN")
    assert (await asked(lie)).detail == "got NXDOMAIN, wanted NOERROR"
    result = await asked(lie, expect_rcode="NXDOMAIN")
    assert (result.outcome, result.reason) == (Outcome.FAILED, "protocol")
    assert "NXDOMAIN, and yet 1 A record" in result.detail


async def test_every_type_can_be_asked_for_at_once(asked):
    def mixed(question):
        response = respond(question)
        for kind, value in [("A", "192.0.2.7"), ("MX", "10 mail.example.")]:
            response.answer.append(
                dns.rrset.from_text("host.example.", 60, "IN", kind, value)
            )
        return response.to_wire()

    result = await asked(mixed, type="ANY", expect_all="192.0.2.7,10 MAIL.example")
    assert (result.outcome, result.detail) == (Outcome.OK, "")


async def test_a_pattern_too_dear_for_so_many_records_is_our_error(asked):
    texts = [f'"{n:03}{"a" * 60}"' for n in range(20)]
    result = await asked(says(*texts), type="TXT", answer_regex="a.*b.*c.*d")
    assert (result.outcome, result.reason) == (Outcome.ERROR, "unsupported")
