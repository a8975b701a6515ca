"""What both demand of an HTTP answer, and how they prove who they are."""

from tests.oracle.http_scenarios import WEB, http, https

BODIES = (
    http(
        "body holds the word",
        f"{WEB}/ok",
        module="fail_if_body_not_matches_regexp: ['hello from']",
        body_contains="hello from",
    ),
    http(
        "body lacks the word",
        f"{WEB}/ok",
        "body",
        module="fail_if_body_not_matches_regexp: ['goodbye']",
        body_contains="goodbye",
    ),
    http(
        "body holds a bad word",
        f"{WEB}/ok",
        "body",
        module="fail_if_body_matches_regexp: ['from nginx']",
        body_not_contains="from nginx",
    ),
    http(
        "body lacks the bad word",
        f"{WEB}/ok",
        module="fail_if_body_matches_regexp: ['from apache']",
        body_not_contains="from apache",
    ),
    http(
        "gzip is unpacked before it is searched",
        f"{WEB}/text.txt",
        module="headers: {Accept-Encoding: gzip}, compression: gzip, "
        "fail_if_body_not_matches_regexp: ['squeezed']",
        body_contains="squeezed",
    ),
    http(
        "a large body is searched to its end",
        f"{WEB}/big.txt",
        module="fail_if_body_not_matches_regexp: ['THE END']",
        body_contains="THE END",
        max_body_bytes=4 * 2**20,
    ),
    http(
        "a body beyond the limit",
        f"{WEB}/big.txt",
        "too_large",
        module="body_size_limit: 1MB",
        max_body_bytes=10**6,
    ),
    http(
        "method and body arrive",
        "http://127.0.0.1:{odd}/echo",
        module="method: POST, body: 'ping=1', "
        "fail_if_body_not_matches_regexp: ['^POST ping=1$']",
        method="POST",
        body="ping=1",
        body_contains="POST ping=1",
    ),
)


def matching(pattern: str) -> str:
    """Return the module that wants *pattern* in the body."""
    return f"fail_if_body_not_matches_regexp: ['{pattern}']"


PATTERNS = (
    http(
        "body matches",
        f"{WEB}/ok",
        module=matching("version=[0-9]+"),
        body_regex="version=[0-9]+",
    ),
    http(
        "body does not match",
        f"{WEB}/ok",
        "body",
        matching("version=[a-z]+"),
        body_regex="version=[a-z]+",
    ),
    http(
        "body matches what it must not",
        f"{WEB}/ok",
        "body",
        "fail_if_body_matches_regexp: ['nginx.*42']",
        body_not_regex="nginx.*42",
    ),
    http(
        "body does not match what it must not",
        f"{WEB}/ok",
        module="fail_if_body_matches_regexp: ['apache.*42']",
        body_not_regex="apache.*42",
    ),
    http(
        "JSON says up",
        f"{WEB}/json",
        module=matching('"status": "up"'),
        json=['$.status == "up"', "$.queue.depth < 10"],
    ),
    http(
        "JSON does not say down",
        f"{WEB}/json",
        "body",
        matching('"status": "down"'),
        json=['$.status == "down"'],
    ),
)


def header(kind: str, pattern: str, more: str = "") -> str:
    """Return the module that looks at ``X-Flavour``."""
    rule = f"{{header: X-Flavour, regexp: {pattern}{more}}}"
    return f"fail_if_header_{kind}: [{rule}]"


HEADERS = (
    http(
        "a header is right",
        f"{WEB}/ok",
        module=header("not_matches", "vanilla"),
        expect_headers=["X-Flavour: vanilla"],
    ),
    http(
        "a header is wrong",
        f"{WEB}/ok",
        "header",
        header("not_matches", "lemon"),
        expect_headers=["X-Flavour: lemon"],
    ),
    http(
        "a header says what it must not",
        f"{WEB}/ok",
        "header",
        header("matches", "van.*"),
        expect_headers=["!X-Flavour: van.*"],
    ),
    http(
        "a header is missing",
        "http://127.0.0.1:{odd}/plain",
        "header",
        header("not_matches", "vanilla"),
        expect_headers=["X-Flavour: vanilla"],
    ),
)

LOGINS = (
    http(
        "basic auth by a header",
        f"{WEB}/private",
        module="basic_auth: {username: operator, password: s3cret}",
        headers={"Authorization": "Basic b3BlcmF0b3I6czNjcmV0"},
    ),
    http("basic auth forgotten", f"{WEB}/private", "status"),
    http(
        "bearer token by a header",
        f"{WEB}/tokens",
        module="authorization: {credentials: sesame}",
        headers={"Authorization": "Bearer sesame"},
    ),
    http("bearer token forgotten", f"{WEB}/tokens", "status"),
    http(
        "basic auth",
        f"{WEB}/private",
        module="basic_auth: {username: operator, password: s3cret}",
        user="operator",
        password="s3cret",
    ),
    http(
        "basic auth with a wrong password",
        f"{WEB}/private",
        "status",
        "basic_auth: {username: operator, password: guess}",
        user="operator",
        password="guess",
    ),
    http(
        "bearer token",
        f"{WEB}/tokens",
        module="authorization: {credentials: sesame}",
        token="sesame",
    ),
    http(
        "a wrong bearer token",
        f"{WEB}/tokens",
        "status",
        "authorization: {credentials: guess}",
        token="guess",
    ),
    https(
        "a client certificate",
        "https://127.0.0.1:{mtls}/ok",
        module="cert_file: {user_cert}, key_file: {user_key}",
        client_cert="{user_cert}",
        client_key="{user_key}",
    ),
    https(
        "a client certificate, TLS 1.3",
        "https://127.0.0.1:{s_mtls13}/",
        module="cert_file: {user_cert}, key_file: {user_key}",
        client_cert="{user_cert}",
        client_key="{user_key}",
    ),
    https(
        "a client certificate of somebody else",
        "https://127.0.0.1:{mtls}/ok",
        "status",
        "cert_file: {other_cert}, key_file: {other_key}",
        client_cert="{other_cert}",
        client_key="{other_key}",
    ),
)

TRUSTED = "tls_config: {ca_file: {ca}}"
WAYS = (
    http(
        "TLS is required and there",
        "https://127.0.0.1:{good}/ok",
        module=f"{TRUSTED}, fail_if_not_ssl: true",
        ca_file="{ca}",
        tls_required=True,
    ),
    http(
        "TLS is required and missing",
        f"{WEB}/ok",
        "scheme",
        "fail_if_not_ssl: true",
        tls_required=True,
    ),
    http(
        "TLS is required and reached by a redirect",
        f"{WEB}/to-tls",
        module=f"{TRUSTED}, fail_if_not_ssl: true",
        ca_file="{ca}",
        tls_required=True,
    ),
    http(
        "TLS is required and left by a redirect",
        "https://127.0.0.1:{good}/to-plain",
        "scheme",
        f"{TRUSTED}, fail_if_not_ssl: true",
        ca_file="{ca}",
        tls_required=True,
    ),
    http(
        "plain is required and there",
        f"{WEB}/ok",
        module="fail_if_ssl: true",
        plain_required=True,
    ),
    http(
        "plain is required and left by a redirect",
        f"{WEB}/to-tls",
        "scheme",
        f"{TRUSTED}, fail_if_ssl: true",
        ca_file="{ca}",
        plain_required=True,
    ),
    https(
        "HTTP/2",
        "https://127.0.0.1:{h2}/ok",
        compare=("status", "expiry", "http_version"),
        http2="auto",
    ),
    https(
        "HTTP/2 is not offered",
        "https://127.0.0.1:{good}/ok",
        compare=("status", "http_version"),
        http2="auto",
    ),
    http(
        "HTTP/2 is required and not offered",
        "https://127.0.0.1:{good}/ok",
        "http_version",
        f"{TRUSTED}, valid_http_versions: [HTTP/2.0]",
        ca_file="{ca}",
        http2="require",
        compare=(),
    ),
)

BY_PROXY = "proxy_url: http://127.0.0.1:{proxy}"
PROXIES = (
    http("by a proxy", f"{WEB}/ok", module=BY_PROXY, proxy="127.0.0.1:{proxy}"),
    http(
        "a 404 by a proxy",
        f"{WEB}/status/404",
        "status",
        BY_PROXY,
        proxy="127.0.0.1:{proxy}",
    ),
    http(
        "TLS by a proxy",
        "https://127.0.0.1:{good}/ok",
        module=f"{BY_PROXY}, {TRUSTED}",
        proxy="127.0.0.1:{proxy}",
        ca_file="{ca}",
        compare=("status", "expiry"),
    ),
    http(
        "an expired certificate by a proxy",
        "https://127.0.0.1:{expired}/ok",
        "cert_expired",
        f"{BY_PROXY}, {TRUSTED}",
        proxy="127.0.0.1:{proxy}",
        ca_file="{ca}",
        compare=(),
    ),
    http(
        "a closed proxy",
        f"{WEB}/ok",
        "proxy",
        "proxy_url: http://127.0.0.1:{closed}",
        proxy="127.0.0.1:{closed}",
        compare=(),
    ),
    http(
        "a proxy that refuses",
        "https://127.0.0.1:{good}/ok",
        "proxy",
        "proxy_url: http://127.0.0.1:{proxy_refusing}",
        proxy="127.0.0.1:{proxy_refusing}",
        compare=(),
    ),
)

SCENARIOS = BODIES + PATTERNS + HEADERS + LOGINS + WAYS + PROXIES
