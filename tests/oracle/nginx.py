"""nginx as a web server that behaves, and shows whichever certificate it is told."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.oracle.child import child, wait_for_port
from tests.oracle.pki import Pki
from tests.ports import LOOPBACKS, free_ports

STATUSES = (204, 301, 403, 404, 405, 410, 418, 429, 500, 503)
TLS_VERSIONS = {"tls12": "TLSv1.2", "tls13": "TLSv1.3"}
BIG = 3 * 2**20

_PAGES = """
    root {place}/www;
    gzip on; gzip_min_length 1; gzip_types text/plain;
    add_header X-Flavour vanilla always;
    location = /ok {{ return 200 "hello from nginx, version=42\\n"; }}
    location = /json {{
        default_type application/json;
        return 200 '{{"status": "up", "queue": {{"depth": 3}}, "nodes": [1, 2]}}';
    }}
    location = /private {{ auth_basic "oracle"; auth_basic_user_file {place}/users; }}
    location = /tokens {{
        if ($http_authorization != "Bearer sesame") {{ return 401; }}
        return 200 "welcome\\n";
    }}
    location = /put-only {{
        if ($request_method != PUT) {{ return 405; }}
        return 200 "stored\\n";
    }}
    location = /host {{ return 200 "host=$host\\n"; }}
    location = /agent {{
        if ($http_x_oracle != "yes") {{ return 403; }}
        return 200 "agreed\\n";
    }}
    location = /moved {{ return 302 /ok; }}
    location = /hops/3 {{ return 301 /hops/2; }}
    location = /hops/2 {{ return 307 /hops/1; }}
    location = /hops/1 {{ return 308 /ok; }}
    location = /loop {{ return 302 /loop; }}
    location = /to-tls {{ return 302 https://127.0.0.1:{good}/ok; }}
    location = /to-plain {{ return 302 http://127.0.0.1:{web}/ok; }}
    location = /to-expired {{ return 302 https://127.0.0.1:{expired}/ok; }}
    location = /to-nobody {{ return 302 http://127.0.0.1:1/; }}
    location = /to-ftp {{ return 302 ftp://127.0.0.1/; }}
    location = /to-404 {{ return 302 /status/404; }}
"""


@contextmanager
def nginx(place: Path, pki: Pki) -> Iterator[dict[str, int]]:
    """Run nginx with a port for plain HTTP and for each certificate; yield them."""
    names = ["web", "mtls", "h2", *TLS_VERSIONS, *pki.shown]
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    _write_files(place)
    config = place / "nginx.conf"
    config.write_text(_config(place, pki, ports))
    command = ["nginx", "-p", str(place), "-c", str(config), "-e", "stderr"]
    with child(command, stderr=subprocess.DEVNULL):
        wait_for_port(ports["web"])
        yield ports


def _write_files(place: Path) -> None:
    www = place / "www"
    www.mkdir()
    (www / "private").write_text("only for friends\n")
    (www / "text.txt").write_text("squeezed " * 200)
    (www / "big.txt").write_text("x" * (BIG - 7) + "THE END")
    (place / "users").write_text("operator:{PLAIN}s3cret\n")


def _config(place: Path, pki: Pki, ports: dict[str, int]) -> str:
    pages = _PAGES.format(place=place, **ports)
    for status in STATUSES:
        where = " /ok" if status in (301,) else ""
        pages += f"    location = /status/{status} {{ return {status}{where}; }}\n"
    usual = "ssl_protocols TLSv1.2 TLSv1.3;"
    servers = [
        _server(ports[name], pages, usual, shown.chain, shown.key)
        for name, shown in pki.shown.items()
        if name not in ("sha1", "small")  # which OpenSSL does not show by default
    ]
    good = pki.shown["good"]
    for name, version in TLS_VERSIONS.items():
        only = f"ssl_protocols {version};"
        servers.append(_server(ports[name], pages, only, good.chain, good.key))
    asking = f"{usual} ssl_verify_client on; ssl_client_certificate {pki.ca_file};"
    servers.append(_server(ports["mtls"], pages, asking, good.chain, good.key))
    h2 = _server(ports["h2"], pages, usual, good.chain, good.key, " ssl http2")
    servers.append(h2)
    plain = f"server {{ {_listen(ports['web'])} {pages} }}"
    spools = "".join(
        f"{kind}_temp_path {place}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.geteuid() == 0 else ""
    return (
        f"{user} daemon off; master_process off; pid {place}/nginx.pid;\n"
        f"error_log stderr crit; events {{}}\n"
        f"http {{ access_log off; default_type text/plain; {spools}\n"
        f"{plain}\n{chr(10).join(servers)}\n}}\n"
    )


def _server(
    port: int, pages: str, how: str, chain: Path, key: Path, kind: str = " ssl"
) -> str:
    files = f"ssl_certificate {chain}; ssl_certificate_key {key};"
    return f"server {{ {_listen(port, kind)} {how} {files} {pages} }}"


def _listen(port: int, how: str = "") -> str:
    hosts = (f"[{host}]" if ":" in host else host for host in LOOPBACKS)
    return " ".join(f"listen {host}:{port}{how};" for host in hosts)
