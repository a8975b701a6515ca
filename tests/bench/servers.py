"""What is probed: nginx, unbound, and TLS servers that never say a word."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import trustme

from .processes import SERVING, find, free_port, listens, running, wait_for

PAGE = "x" * 612


class Web(NamedTuple):
    """A web server: its ports for http and https, and who vouches for it."""

    http: int
    https: int
    ca_file: Path


@contextlib.contextmanager
def nginx(place: Path) -> Iterator[Web]:
    """Serve a page of 612 bytes with and without TLS (ECDSA P-256)."""
    program, authority = find("nginx"), trustme.CA()
    cert = authority.issue_cert("127.0.0.1", "localhost")
    authority.cert_pem.write_to_path(place / "ca.pem")
    cert.private_key_and_cert_chain_pem.write_to_path(place / "cert.pem")
    web = Web(free_port(), free_port(), place / "ca.pem")
    (place / "page").write_text(PAGE)
    (place / "nginx.conf").write_text(
        f"""daemon off; worker_processes 1; pid {place}/nginx.pid;
        error_log {place}/nginx.log warn; events {{ worker_connections 4000; }}
        http {{
          access_log off; client_body_temp_path {place}; proxy_temp_path {place};
          fastcgi_temp_path {place}; uwsgi_temp_path {place}; scgi_temp_path {place};
          server {{
            listen 127.0.0.1:{web.http} backlog=4096;
            listen 127.0.0.1:{web.https} ssl backlog=4096;
            ssl_certificate {place}/cert.pem; ssl_certificate_key {place}/cert.pem;
            ssl_session_tickets off; ssl_session_cache off;
            location / {{ root {place}; try_files /page =404; }}
          }}
        }}"""
    )
    place.chmod(0o755)  # nginx gives up root before it reads the page
    command = [program, "-c", str(place / "nginx.conf"), "-p", str(place)]
    with running(command, SERVING, place / "nginx.log"):
        wait_for(lambda: listens(web.https), 10, f"nginx, see {place}/nginx.log")
        yield web


@contextlib.contextmanager
def unbound(place: Path) -> Iterator[int]:
    """Answer every name below ``example`` with an address; yield the port."""
    program, port = find("unbound"), free_port()
    (place / "unbound.conf").write_text(
        f"""server:
  interface: 127.0.0.1@{port}
  port: {port}
  username: ""
  chroot: ""
  directory: "{place}"
  pidfile: "{place}/unbound.pid"
  use-syslog: no
  do-daemonize: no
  do-ip6: no
  num-threads: 1
  local-zone: "example." redirect
  local-data: "example. 60 IN A 192.0.2.7"
remote-control:
  control-enable: no
"""
    )
    command = [program, "-d", "-c", str(place / "unbound.conf")]
    with running(command, SERVING, place / "unbound.log"):
        wait_for(lambda: listens(port), 10, f"unbound, see {place}/unbound.log")
        yield port


@contextlib.contextmanager
def tarpit() -> Iterator[int]:
    """Accept everybody and never say anything; yield the port."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as server:
        threading.Thread(target=_hold, args=(server,), daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def _hold(server: socket.socket) -> None:
    held: list[socket.socket] = []
    with contextlib.suppress(OSError):
        while True:
            held.append(server.accept()[0])
            del held[:-500]
