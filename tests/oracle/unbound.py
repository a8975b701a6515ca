"""unbound with zones of its own that asks nobody else."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.oracle.child import child, wait_for_port
from tests.oracle.pki import Pki
from tests.ports import LOOPBACKS, free_ports

#: beyond the 512 bytes of an answer without EDNS (RFC 1035 section 4.2.1)
LONG = 12
RECORDS = (
    "a.zone.test. 300 IN A 192.0.2.1",
    "two.zone.test. 300 IN A 192.0.2.1",
    "two.zone.test. 300 IN A 192.0.2.2",
    "a.zone.test. 300 IN AAAA 2001:db8::1",
    "alias.zone.test. 300 IN CNAME a.zone.test.",
    "zone.test. 300 IN MX 10 mail.zone.test.",
    "zone.test. 300 IN NS ns.zone.test.",
    "zone.test. 300 IN SOA ns.zone.test. root.zone.test. 2024060107 3600 900 86400 60",
    "zone.test. 300 IN TXT 'v=spf1 -all'",
    "_sip._tcp.zone.test. 300 IN SRV 10 20 5060 sip.zone.test.",
    "zone.test. 300 IN CAA 0 issue 'ca.test'",
    "1.2.0.192.in-addr.arpa. 300 IN PTR a.zone.test.",
    *(f"long.zone.test. 300 IN TXT '{n:02}{'x' * 100}'" for n in range(LONG)),
)


@contextmanager
def unbound(place: Path, pki: Pki, dead: int) -> Iterator[dict[str, int]]:
    """Run unbound on UDP, TCP and TLS; what it does not know it asks port *dead*."""
    ports = dict(zip(("unbound", "dot"), free_ports(2), strict=True))
    config = place / "unbound.conf"
    config.write_text(_config(place, pki, ports, dead))
    with child(["unbound", "-d", "-c", str(config)]):
        wait_for_port(ports["unbound"])
        wait_for_port(ports["dot"])
        yield ports


def _config(place: Path, pki: Pki, ports: dict[str, int], dead: int) -> str:
    good = pki.shown["good"]
    lines = [
        f"interface: {host}@{port}" for host in LOOPBACKS for port in ports.values()
    ]
    lines += [
        f"tls-port: {ports['dot']}",
        f"tls-service-pem: {good.chain}",
        f"tls-service-key: {good.key}",
        f"directory: {place}",
        'chroot: ""',
        'username: ""',
        'pidfile: ""',
        "do-daemonize: no",
        "use-syslog: no",
        "hide-version: no",
        "version: oracle",
        "use-systemd: no",
        "num-threads: 1",
        'module-config: "iterator"',
        "do-not-query-localhost: no",
        "access-control: 127.0.0.0/8 allow",
        "access-control: ::1 allow",
        "local-zone: zone.test. static",
        "local-zone: 2.0.192.in-addr.arpa. static",
        "local-zone: refused.test. always_refuse",
        "local-zone: silent.test. always_deny",
        "local-zone: empty.test. always_nodata",
    ]
    lines += [f'local-data: "{record}"' for record in RECORDS]
    server = "".join(f"    {line}\n" for line in lines)
    forward = f'forward-zone:\n    name: "."\n    forward-addr: 127.0.0.1@{dead}\n'
    return f"server:\n{server}{forward}remote-control:\n    control-enable: no\n"
