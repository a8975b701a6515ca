"""What both are asked over HTTP."""

from typing import Any

from tests.oracle.scenario import Scenario

#: causes for which there is no status, because there was no answer
SILENT = {"timeout", "refused", "reset", "closed", "protocol", "tls_handshake"}


def http(
    name: str, target: str, reason: str = "", module: str = "", **how: Any
) -> Scenario:
    """Return the scenario of a URL; *how* are Pangea's options and timeout_s."""
    timeout_s = how.pop("timeout_s", 5)
    needs = how.pop("needs", ())
    compare = how.pop("compare", () if reason in SILENT else ("status",))
    return Scenario(
        name=f"http: {name}",
        prober="http",
        target=target,
        module=module,
        type="http",
        ours=target,
        options=how,
        reason=reason,
        compare=compare,
        timeout_s=timeout_s,
        needs=needs,
    )


def https(
    name: str, target: str, reason: str = "", module: str = "", **how: Any
) -> Scenario:
    """Return the scenario of an https URL; *module* goes into its tls_config."""
    trusting = ", ".join(filter(None, ("ca_file: {ca}", module)))
    wanted = ("status", "expiry", "tls_version")
    how.setdefault("compare", wanted if reason in ("", "status") else ())
    config = f"tls_config: {{{trusting}}}"
    return http(name, target, reason, config, ca_file="{ca}", **how)


def answered(path: str, name: str, reason: str = "", **how: Any) -> Scenario:
    """Return the scenario of an answer of our own making."""
    return http(name, f"http://127.0.0.1:{{odd}}{path}", reason, **how)


WEB = "http://127.0.0.1:{web}"
SOON = 0.6

STATUSES = (
    http("200", f"{WEB}/ok"),
    http("204 without a body", f"{WEB}/status/204"),
    http("403 is not wanted", f"{WEB}/status/403", "status"),
    http("404 is not wanted", f"{WEB}/status/404", "status"),
    http("500 is not wanted", f"{WEB}/status/500", "status"),
    http("503 is not wanted", f"{WEB}/status/503", "status"),
    http(
        "404 is wanted",
        f"{WEB}/status/404",
        module="valid_status_codes: [404]",
        expect_status=404,
    ),
    http(
        "one of a range is wanted",
        f"{WEB}/status/418",
        module=f"valid_status_codes: [{', '.join(map(str, range(400, 429)))}]",
        expect_status=["400-428"],
    ),
    http(
        "just beyond the range",
        f"{WEB}/status/429",
        "status",
        module=f"valid_status_codes: [{', '.join(map(str, range(400, 429)))}]",
        expect_status=["400-428"],
    ),
    http(
        "200 is not wanted",
        f"{WEB}/ok",
        "status",
        "valid_status_codes: [401, 403]",
        expect_status=[401, 403],
    ),
)

REDIRECTS = (
    http("redirect followed", f"{WEB}/moved"),
    http("three redirects followed", f"{WEB}/hops/3"),
    http("redirect to a 404", f"{WEB}/to-404", "status"),
    http(
        "redirect not followed",
        f"{WEB}/moved",
        "status",
        "follow_redirects: false",
        follow_redirects=False,
    ),
    http(
        "redirect not followed and wanted",
        f"{WEB}/moved",
        module="follow_redirects: false, valid_status_codes: [302]",
        follow_redirects=False,
        expect_status=302,
    ),
    http("redirect loop", f"{WEB}/loop", "redirect", compare=(), max_redirects=10),
    http("redirect to a closed port", f"{WEB}/to-nobody", "refused"),
    http("redirect to ftp", f"{WEB}/to-ftp", "redirect", compare=()),
    http(
        "redirect to nonsense", "http://127.0.0.1:{odd}/astray", "redirect", compare=()
    ),
    http("redirect without a place", "http://127.0.0.1:{odd}/nowhere", "redirect"),
    https("redirect from plain to TLS", f"{WEB}/to-tls"),
    https(
        "redirect from TLS to plain", "https://127.0.0.1:{good}/to-plain", compare=()
    ),
    https("redirect to an expired certificate", f"{WEB}/to-expired", "cert_expired"),
)

REQUESTS = (
    http("HEAD", f"{WEB}/ok", module="method: HEAD", method="HEAD"),
    http("PUT", f"{WEB}/put-only", module="method: PUT", method="PUT"),
    http("GET where only PUT may", f"{WEB}/put-only", "status"),
    http(
        "a header of our own",
        f"{WEB}/agent",
        module="headers: {X-Oracle: 'yes'}",
        headers={"X-Oracle": "yes"},
    ),
    http(
        "another Host",
        f"{WEB}/host",
        module="headers: {Host: site.test}, "
        "fail_if_body_not_matches_regexp: ['host=site.test']",
        headers={"Host": "site.test"},
        body_contains="host=site.test",
    ),
    http("a literal IPv6 address", "http://[::1]:{web}/ok", needs=("ipv6",)),
    http("a name", "http://localhost:{web}/ok", family="ipv4"),
)

ANSWERS = (
    answered("/plain", "a plain answer"),
    answered("/chunked", "chunks with extensions and trailers"),
    answered("/chunks-cut", "chunks that end early", "closed"),
    answered("/chunks-bad", "chunk sizes that are no numbers", "protocol"),
    answered("/http10", "HTTP/1.0 until the end", compare=("status", "http_version")),
    answered("/empty", "an empty reply", "closed"),
    answered("/head-cut", "headers cut off", "closed"),
    answered("/body-cut", "a body cut off", "closed"),
    answered("/no-http", "an answer that is not HTTP", "protocol"),
    answered("/bad-status", "a status that is no number", "protocol"),
    answered("/two-lengths", "two lengths that differ", "protocol"),
    answered("/bad-length", "a length that is no number", "protocol"),
    answered("/bad-header", "a header without a colon", "protocol"),
    answered("/no-reason", "a status line without a reason"),
    answered("/bare-lf", "bare line feeds"),
    answered("/early", "early hints first"),
    answered("/continue", "100 first"),
    answered("/latin1", "a header in Latin-1"),
    answered("/endless-head", "headers without an end", "too_large", compare=()),
    answered(
        "/gzip",
        "gzip though nobody asked",
        module="compression: gzip, fail_if_body_not_matches_regexp: ['treasure']",
        body_contains="treasure",
    ),
    answered(
        "/gzip-bad",
        "gzip that is none",
        "protocol",
        module="compression: gzip",
        body_contains="hello",
    ),
    answered(
        "/gzip-cut",
        "gzip cut off",
        "closed",
        module="compression: gzip",
        body_contains="hidden",
    ),
    answered("/slow", "slow but in time"),
    answered("/silent", "no answer in time", "timeout", timeout_s=SOON),
    answered("/drip", "an answer that drips", "timeout", timeout_s=SOON),
    answered("/reset", "reset after the request", "reset"),
    answered("/reset-body", "reset within the body", "reset"),
    http("a closed port", "http://127.0.0.1:{closed}/", "refused"),
    http("reset at once", "http://127.0.0.1:{reset}/", "reset"),
    http("reset at hello", "http://127.0.0.1:{reset_hello}/", "reset"),
    http(
        "a port that says nothing",
        "http://127.0.0.1:{silent}/",
        "timeout",
        timeout_s=SOON,
    ),
    http("a port of SSH", "http://127.0.0.1:{ssh}/", "protocol"),
    http("plain HTTP to a TLS port", "http://127.0.0.1:{good}/ok", "status"),
)

SCENARIOS = STATUSES + REDIRECTS + REQUESTS + ANSWERS
