"""blackbox_exporter as a child process: one module per scenario, asked over HTTP."""

import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

from tests.oracle.child import child, line_from
from tests.oracle.scenario import Said, Scenario, fill

PROGRAM = "prometheus-blackbox-exporter"
#: what it logs → the reasons that this may be, in Pangea's finer words
CAUSES = (
    ("proxyconnect|: Forbidden", "proxy"),
    # Only time ends its wait for a line.
    ("Error reading from connection.*i/o timeout", "timeout banner starttls"),
    ("connection refused", "refused"),
    ("connection reset by peer|broken pipe", "reset"),
    ("network is unreachable", "no_route"),
    ("message too long", "mtu"),
    ("no route to host", "unreachable no_route"),
    # Of ICMP errors it hears none, or only that a port is closed.
    ("read udp.*i/o timeout", "timeout unreachable"),
    ("Timeout reading from socket", "timeout unreachable ttl_exceeded mtu"),
    ("context deadline exceeded|i/o timeout|Client.Timeout exceeded", "timeout"),
    (r"expired or is not yet valid: current time \S+ is after", "cert_expired"),
    (r"expired or is not yet valid: current time \S+ is before", "cert_not_yet_valid"),
    (
        "certificate is valid for|doesn't contain any IP SANs"
        "|is not valid for any names|legacy Common Name",
        "cert_wrong_host",
    ),
    ("insecure algorithm", "cert_weak"),
    (
        "signed by unknown authority",
        "cert_untrusted cert_self_signed cert_incomplete",
    ),
    ("incompatible key usage", "cert_untrusted"),
    ("protocol version not supported|unsupported version", "tls_version"),
    (
        "remote error: tls|does not look like a TLS handshake|HTTP response to HTTPS",
        "tls_handshake",
    ),
    ("unsupported protocol scheme|failed to parse Location", "redirect"),
    ("Invalid HTTP version number", "http_version"),
    # It takes a redirect that it does not follow for the answer.
    ("status code, .*status_code=30[12378]", "redirect status"),
    ("Invalid HTTP response status code", "status"),
    ("Body matched regular|Body did not match", "body"),
    ("Header matched regular|Header did not match|Missing required header", "header"),
    ("http: request body too large", "too_large"),
    ("exceeded while|server response headers exceeded", "too_large"),
    # What is said before a request is asked comes to Go's client either way.
    ("readLoopPeekFailLocked", "protocol closed"),
    ("malformed|invalid header|bad Content-Length|invalid byte in chunk", "protocol"),
    ("multiple Content-Length headers", "protocol"),
    ("Final request was over SSL|Final request was not over SSL", "scheme"),
    ("Rcode is not one of the valid", "rcode"),
    ("Validation failed|validation failed|RRs? (did|do) not match", "answer"),
    ("dns: ", "protocol"),
    ("Regexp did not match|Error reading from connection", "banner"),
    ("EOF", "closed tls_handshake"),
)


class Blackbox:
    """A running blackbox_exporter."""

    def __init__(self, address: str) -> None:
        self._address = address

    def probe(self, scenario: Scenario, world: Mapping[str, object]) -> Said:
        """Ask as Prometheus does, and for the log of the probe as well."""
        query = urlencode(
            {
                "module": slug(scenario.name),
                "target": fill(scenario.target, world),
                "debug": "true",
            }
        )
        with urlopen(f"http://{self._address}/probe?{query}", timeout=30) as answer:
            text = answer.read().decode("utf-8", "replace")
        logs, _, rest = text.partition("\n\n\n\n")
        metrics = rest.partition("\n\n\n\n")[0]
        lines = [m for m in metrics.splitlines() if m.startswith("probe_")]
        return read(lines, logs)


@contextmanager
def blackbox(
    place: Path,
    scenarios: Iterable[Scenario],
    world: Mapping[str, object],
    *,
    within: tuple[str, ...] = (),
) -> Iterator[Blackbox]:
    """Run it on a free port of loopback, with a module for each scenario.

    *within* is a command that takes it elsewhere: into a namespace.
    """
    config = place / "blackbox.yml"
    modules = [_module(scenario, world) for scenario in scenarios]
    config.write_text("modules:\n" + "".join(modules))
    options = [f"--config.file={config}", "--web.listen-address=127.0.0.1:0"]
    with child([*within, PROGRAM, *options], stderr=subprocess.PIPE) as process:
        found = line_from(process.stderr, r'"Listening on" address=(\S+)')
        yield Blackbox(found[1])


def slug(name: str) -> str:
    """Return *name* as a module may be called."""
    return re.sub(r"\W+", "-", name)


def _module(scenario: Scenario, world: Mapping[str, object]) -> str:
    inner = fill(scenario.module, world)
    if scenario.prober != "grpc" and "preferred_ip_protocol" not in inner:
        inner = ", ".join(filter(None, (inner, "preferred_ip_protocol: ip4")))
    head = f"prober: {scenario.prober}, timeout: {scenario.timeout_s * 1000:.0f}ms"
    return f"  {slug(scenario.name)}: {{{head}, {scenario.prober}: {{{inner}}}}}\n"


def read(lines: list[str], logs: str) -> Said:
    """Return what the metric *lines* and the *logs* of a probe say."""
    metrics = dict(line.rsplit(" ", 1) for line in lines)
    whole = {
        column: int(float(metrics[name]))
        for column, name in {
            "success": "probe_success",
            "status": "probe_http_status_code",
            "expiry": "probe_ssl_earliest_cert_expiry",
            "chain_expiry": "probe_ssl_last_chain_expiry_timestamp_seconds",
            "redirects": "probe_http_redirects",
            "reply_ttl": "probe_icmp_reply_hop_limit",
            "serial": "probe_dns_serial",
        }.items()
        if name in metrics
    }
    if whole.get("chain_expiry", 0) < 0:
        del whole["chain_expiry"]  # nothing was verified
    if not whole.get("status"):
        for column in ("status", "redirects"):
            whole.pop(column, None)
    elif "Not following redirect" in logs:
        whole["redirects"] -= 1  # it counts the one that it leaves
    rcode = re.search(r"Got response.*status: (\w+),", logs)
    texts = {
        "rcode": rcode and rcode[1],
        "http_version": _version(metrics) if "status" in whole else None,
        "tls_version": _label(metrics, "probe_tls_version_info"),
    }
    causes = _causes(logs)
    values = whole | texts | {"cause": " ".join(sorted(causes))}
    return Said(values, "\n".join(lines) + "\n" + logs, causes)


def _label(metrics: Mapping[str, str], name: str) -> str | None:
    for key in metrics:
        found = re.fullmatch(name + r'\{version="TLS (.+)"\}', key)
        if found:
            return found[1]
    return None


def _version(metrics: Mapping[str, str]) -> str:
    """Return the version of HTTP as it stands on the wire; a metric cannot."""
    return f"{float(metrics['probe_http_version']):.1f}"


def _causes(logs: str) -> frozenset[str]:
    told = "\n".join(
        line for line in logs.splitlines() if "Response timings" not in line
    )
    for pattern, reasons in CAUSES:
        if re.search(pattern, told):
            return frozenset(reasons.split())
    return frozenset()
