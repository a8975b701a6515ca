import base64
import re
import time
from email.utils import formatdate

import pytest

from pangea.core.errors import UsageError
from pangea.core.model import Outcome
from pangea.core.options import build, masked
from pangea.probes.base import make_probe
from pangea.probes.http_options import HttpOptions
from tests.probes.test_http import OK, answer, redirecting, url


async def head_of(serve, ask, **options):
    """Return the header fields that a server sees."""
    seen = bytearray()

    async def handler(reader, writer):
        seen.extend(await reader.readuntil(b"\r\n\r\n"))
        writer.write(OK)

    result = await ask("http", url(await serve(handler)), **options)
    assert result.outcome is Outcome.OK
    lines = bytes(seen).decode().split("\r\n")[1:-2]
    return dict(line.split(": ", 1) for line in lines)


async def test_a_user_and_a_password_are_sent(serve, ask):
    fields = await head_of(serve, ask, user="mé", password="p:w")
    kind, _, both = fields["Authorization"].partition(" ")
    assert (kind, base64.b64decode(both).decode()) == ("Basic", "mé:p:w")


async def test_a_token_is_sent(serve, ask):
    fields = await head_of(serve, ask, token="abc.def")
    assert fields["Authorization"] == "Bearer abc.def"


async def test_a_login_does_not_cross_to_another_origin(serve, ask):
    there, seen = await redirecting(serve, "/")
    port, _ = await redirecting(serve, url(there, "/end"))
    result = await ask("http", url(port), user="me", password="pw")
    assert result.outcome is Outcome.OK
    assert "Authorization" not in seen[0]


def test_secrets_are_known_as_such():
    given = {
        "password": "a",
        "token": "b",
        "client_key": "c",
        "proxy_password": "d",
        "user": "e",
    }
    shown = masked(HttpOptions, given)
    assert [k for k, v in shown.items() if v in given.values()] == ["user"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"token": "a\r\nX: y"}, "control character"),
        ({"token": "a", "user": "b"}, "token and user exclude each other"),
        ({"token": "a", "headers": ["authorization: b"]}, "beside user or token"),
        ({"user": "a:b"}, "no colon"),
        ({"password": "a"}, "password is given without user"),
        ({"token": "x" * 70_000}, "longer than"),
        ({"tls_required": True, "plain_required": True}, "exclude each other"),
        ({"client_key": "a"}, "without client_cert"),
        ({"proxy_user": "a"}, "without proxy"),
        ({"proxy": "https://a:1"}, "in the clear"),
        ({"proxy": "http://a:1/path"}, "no path"),
        ({"proxy": "a:0"}, "no valid port"),
        ({"proxy": "http://me:pw@a:1"}, "contains credentials"),
        ({"proxy": "a\r\nb:1"}, "control character|space"),
        ({"resolver": "dns.example"}, "is not an address"),
        ({"resolver": "127.0.0.1:99999"}, "no valid port"),
        ({"server_name": "a\r\nb"}, "control character|space"),
        ({"family": "both"}, "wants a name"),
        ({"http2": "yes"}, "http2"),
        ({"body_regex": "("}, "body_regex is not a regular expression"),
        ({"body_regex": "(a*)*b"}, "could take for ever"),
        ({"expect_headers": ["Server: ["]}, "Server is not a regular expression"),
        ({"expect_headers": ["a b: c"]}, "cannot read 'a b: c'"),
        ({"expect_headers": ["Server"]}, "cannot read 'Server'"),
        ({"expect_headers": [f"a{i}:" for i in range(21)]}, "more than 20"),
        ({"json": ["a"]}, "wanted a path"),
        ({"max_age_s": -1}, "max_age_s"),
    ],
)
def test_a_wrong_option_is_refused_in_words(options, says):
    with pytest.raises(UsageError, match=says) as error:
        make_probe("http", "https://127.0.0.1", options)
    assert "pw" not in str(error.value)


HEADERS = ["Server: nginx/1.2", "X-A: one", "X-A: two", "Cache-Control: max-age=5, p"]


@pytest.mark.parametrize(
    ("demand", "says"),
    [
        ("Server:", ""),
        ("server: ^nginx", ""),
        ("X-A: one, two", ""),
        ("!X-B", ""),
        ("!Server: apache", ""),
        ("!X-B: x", ""),
        (r"Cache-Control: max-age=\d{1,2}, p", ""),
        ("X-B:", "the header X-B is missing"),
        ("X-B: a", "the header X-B is missing"),
        ("!Server", "the header Server is there: 'nginx/1.2'"),
        ("Server: ^a", "the header Server is 'nginx/1.2', wanted '^a'"),
        (
            "!Server: nginx",
            "the header Server is 'nginx/1.2', wanted it not to match 'nginx'",
        ),
    ],
)
async def test_a_header_is_as_wanted(serve, ask, demand, says):
    port = await serve(answer(b"", *HEADERS))
    result = await ask("http", url(port), expect_headers=demand)
    assert result.detail == says
    assert (result.outcome is Outcome.OK) == (says == "")
    assert result.reason == ("header" if says else "")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"body_regex": r"v\d\.\d"}, ""),
        ({"body_not_regex": "error|fail"}, ""),
        ({"body_regex": "^<html>", "body_not_regex": "x{20}"}, ""),
        ({"body_regex": "größe"}, ""),
        ({"body_regex": "v[3-9]"}, "the body does not match 'v[3-9]'"),
        ({"body_not_regex": r"v\d"}, r"the body matches 'v\\d'"),
    ],
)
async def test_the_body_matches_as_wanted(serve, ask, options, says):
    body = "<html>v2.1 größe</html>".encode("latin-1")
    port = await serve(answer(body, "Content-Type: text/html; charset=iso-8859-1"))
    result = await ask("http", url(port), **options)
    assert (result.detail, result.reason) == (says, "body" if says else "")


@pytest.mark.parametrize("charset", ["punycode", "zlib", "no-such", "utf-16", "idna"])
async def test_an_odd_charset_does_no_harm(serve, ask, charset):
    port = await serve(answer(b"a" * 500_001, f"Content-Type: a; charset={charset}"))
    result = await ask("http", url(port), body_regex="zz", body_contains="")
    assert result.reason == "body"
    assert result.duration_ms < 1000


def ago(seconds):
    return formatdate(time.time() - seconds, usegmt=True)


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        (["Last-Modified: @5"], ""),
        (["Date: @-30"], ""),
        (["Age: 9"], ""),
        (["Last-Modified: @500", "Date: @0"], "by Last-Modified"),
        (["Date: @500"], "by Date"),
        (["Date: @1", "Age: 500"], "the content is 500 s old by Age, wanted"),
        ([], "says how old"),
        (["Last-Modified: Thu, 99 Foo", "Age: x", "Date: " + "9" * 5000], "how old"),
    ],
)
async def test_the_content_is_as_fresh_as_wanted(serve, ask, headers, says):
    # Now, not when the tests were collected.
    dated = [re.sub("@(-?[0-9]+)", lambda m: ago(int(m[1])), h) for h in headers]
    port = await serve(answer(b"", *dated))
    result = await ask("http", url(port), max_age_s=60)
    assert says in result.detail
    assert result.reason == ("stale" if says else "")
    if not says:
        assert 0 <= result.readings["age_s"] < 12


async def test_the_final_scheme_is_as_wanted(serve, ask, server_tls):
    plain, secure = await serve(OK), await serve(OK, server_tls)
    up, _ = await redirecting(serve, f"https://127.0.0.1:{secure}/")
    how = {"verify": False}
    assert (await ask("http", url(plain), plain_required=True)).outcome is Outcome.OK
    assert (await ask("http", url(up), tls_required=True, **how)).reason == ""
    kept_plain = await ask("http", url(plain), tls_required=True)
    assert (kept_plain.outcome, kept_plain.reason) == (Outcome.FAILED, "scheme")
    assert kept_plain.detail == f"the final URL is {url(plain)}, wanted https"
    assert (await ask("http", url(up), plain_required=True, **how)).reason == "scheme"


def test_an_option_of_the_first_days_means_what_it_did():
    options = build(HttpOptions, {}, "http option")
    assert (options.http2, options.family, options.follow_redirects) == (
        "off",
        "any",
        True,
    )
