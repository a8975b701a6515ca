import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.errors import UsageError
from pangea.probes.target import parse_host, parse_host_port, parse_url


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Example.COM", "https://example.com/"),
        ("http://a:8080/x?q=1#part", "http://a:8080/x?q=1"),
        ("HTTP://a:80", "http://a/"),
        ("a:443/ä", "https://a/%C3%A4"),
        ("straße.example", "https://xn--strae-oqa.example/"),
        ("[::1]:8443/x", "https://[::1]:8443/x"),
        ("http://[FE80::1%25eth0]/", "http://[fe80::1%25eth0]/"),
        ("a?q", "https://a/?q"),
        ("https://a/%41%zz", "https://a/%41%zz"),
    ],
)
def test_a_url_is_read_as_people_write_it(text, wanted):
    assert str(parse_url(text)) == wanted


def test_a_zone_is_for_us_and_not_for_the_server():
    url = parse_url("http://[fe80::1%25eth0]:81/")
    assert url.host == "fe80::1%eth0"
    assert url.authority == "[fe80::1]:81"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("ftp://a", "scheme"),
        ("http://a b", "space"),
        ("http://a\r\nHost: b", "contains"),
        ("http://a\x00", "control"),
        ("http://a/\u202egnp", "control"),
        ("a:0", "port"),
        ("a:65536", "port"),
        ("a:", "port"),
        ("a:8٠", "port"),
        ("127.1", "IPv4"),
        ("2130706433", "IPv4"),
        ("0x7f.1", "IPv4"),
        ("1.2.3.256", "IPv4"),
        ("[::1", "brackets"),
        ("[1.2.3.4]", "IPv6"),
        ("[::1]x", "brackets"),
        ("-rf", "host name"),
        ("a..b", "host name"),
        ("a" * 64, "host name"),
        ("a" * 3000, "longer"),
        ("xn--a.example/\x7f", "control"),
    ],
)
def test_a_malformed_url_is_refused_in_words(text, says):
    with pytest.raises(UsageError, match=says):
        parse_url(text)


@pytest.mark.parametrize("text", ["me:hunter2@host", "https://me:hunter2@host/"])
@pytest.mark.parametrize(
    "parse", [parse_url, parse_host, lambda t: parse_host_port(t, 1)]
)
def test_credentials_are_refused_and_not_repeated(parse, text):
    with pytest.raises(UsageError) as refusal:
        parse(text)
    assert "--set user=" in refusal.value.hint
    assert "hunter2" not in str(refusal.value)
    with pytest.raises(UsageError) as refusal:
        parse(text + " ")
    assert "hunter2" not in str(refusal.value)


def test_a_port_that_must_be_written_is_asked_for():
    assert parse_host_port("[::1]:22", None) == ("::1", 22)
    assert parse_host_port("::1", 53) == ("::1", 53)
    with pytest.raises(UsageError) as refusal:
        parse_host_port("::1", None)
    assert "[::1]:22" in refusal.value.hint


@pytest.mark.parametrize("text", ["http://a", "a/b", "a:22", "[::1]:22", "[::1"])
def test_a_host_is_only_a_host(text):
    with pytest.raises(UsageError):
        parse_host(text)


@given(st.ip_addresses())
def test_every_address_is_a_host_in_its_shortest_form(address):
    assert parse_host(str(address)) == str(address)
    bracketed = f"[{address.exploded}]" if address.version == 6 else str(address)
    assert parse_host_port(f"{bracketed}:7", None) == (str(address), 7)


@given(st.text(max_size=60))
def test_whatever_is_given_the_result_is_clean_or_a_refusal(text):
    try:
        url = parse_url(text)
    except UsageError:
        return
    line = str(url)
    assert line.isascii()
    assert line.isprintable()
    assert " " not in line
    assert parse_url(line) == url


@given(st.from_regex(r"\A[0-9a-fx.]{1,20}\Z"))
def test_what_looks_like_a_number_is_an_address_or_refused(text):
    try:
        host = parse_host(text)
    except UsageError:
        return
    if host.rstrip(".").split(".")[-1].isdigit():
        assert ipaddress.ip_address(host)
