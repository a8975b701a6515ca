"""Debian's unbound as a child process on loopback, with zones of its own."""

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import trustme

from tests.ports import free_ports

DATA = """
host.example. 300 IN A 192.0.2.7
host.example. 300 IN A 192.0.2.8
host.example. 300 IN AAAA 2001:db8::7
example. 3600 IN SOA ns.example. root.example. 2026112201 3600 600 86400 300
example. 3600 IN NS ns.example.
example. 3600 IN MX 10 mail.example.
example. 3600 IN TXT "v=spf1 -all"
example. 3600 IN CAA 0 issue "ca.example"
_sip._udp.example. 60 IN SRV 1 2 5060 sip.example.
_443._tcp.host.example. 60 IN TLSA 3 1 1 {digest}
example. 60 IN DS 1 8 2 {digest}
host.example. 60 IN SSHFP 1 1 {short}
naptr.example. 60 IN NAPTR 100 10 "S" "SIP+D2U" "" _sip._udp.example.
svc.example. 60 IN HTTPS 1 . alpn=h2 port=443
7.2.0.192.in-addr.arpa. 300 IN PTR host.example.
"""
LONG = "".join(f'long.example. 60 IN TXT "{n:03}{"x" * 100}"\n' for n in range(100))

CONFIG = """
server:
  directory: "{place}"
  username: ""
  chroot: ""
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  interface: 127.0.0.1@{port}
  interface: 127.0.0.1@{tls_port}
  tls-port: {tls_port}
  tls-service-key: "{key}"
  tls-service-pem: "{chain}"
  module-config: "iterator"
  nsid: "ascii_ns1"
  version: "unbound of the tests"
  hide-version: no
  num-threads: 1
  do-not-query-localhost: yes
  root-hints: ""
  access-control: 127.0.0.0/8 allow
  local-zone: "." static
{data}
"""


class Unbound(NamedTuple):
    """Where it listens for UDP and TCP, and for TLS."""

    port: int
    tls_port: int


@contextlib.contextmanager
def unbound_server(place: Path, authority: trustme.CA) -> Iterator[Unbound]:
    """Run unbound for as long as the block lasts."""
    where = Unbound(*free_ports(2))
    config = place / "unbound.conf"
    config.write_text(_config(place, authority, where))
    program = shutil.which("unbound", path="/usr/sbin:/sbin:/usr/bin")
    log = (place / "unbound.log").open("wb")
    child = subprocess.Popen(
        [program, "-d", "-p", "-c", str(config)], stdout=log, stderr=log
    )
    try:
        _wait(child, where, place)
        yield where
    finally:
        child.terminate()
        child.wait(10)
        log.close()


def _config(place: Path, authority: trustme.CA, where: Unbound) -> str:
    cert = authority.issue_cert("127.0.0.1")
    key, chain = place / "key.pem", place / "chain.pem"
    cert.private_key_pem.write_to_path(str(key))
    for blob in cert.cert_chain_pems:
        blob.write_to_path(str(chain), append=True)
    records = DATA.format(digest="ab" * 32, short="ab" * 20) + LONG
    lines = [f"  local-data: '{line}'" for line in records.strip().splitlines()]
    return CONFIG.format(
        place=place, key=key, chain=chain, data="\n".join(lines), **where._asdict()
    )


def _wait(child: subprocess.Popen[bytes], where: Unbound, place: Path) -> None:
    end = time.monotonic() + 10
    while True:
        try:
            for port in where:
                socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            said = (place / "unbound.log").read_text("utf-8", "replace")
            assert child.poll() is None, said
            assert time.monotonic() < end, said
            time.sleep(0.05)
        else:
            return
