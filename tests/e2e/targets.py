"""Real servers on loopback that end-to-end tests monitor, each in its own thread."""

import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer, ThreadingUDPServer

import dns.message
import dns.rrset
import trustme


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"hello from the target\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


def _answer(query: bytes) -> bytes:
    question = dns.message.from_wire(query)
    answer = dns.message.make_response(question)
    name = question.question[0].name
    answer.answer.append(dns.rrset.from_text(name, 60, "IN", "A", "192.0.2.7"))
    return answer.to_wire()


class _Udp(BaseRequestHandler):
    def handle(self) -> None:
        data, sock = self.request
        sock.sendto(_answer(data), self.client_address)


class _Banner(BaseRequestHandler):
    def handle(self) -> None:
        self.request.sendall(b"220 target ready\r\n")


class _TlsServer(ThreadingHTTPServer):
    context: ssl.SSLContext

    def get_request(self) -> tuple[socket.socket, object]:
        sock, address = super().get_request()
        # The handshake happens in the handler's thread, at the first read.
        wrapped = self.context.wrap_socket(
            sock, server_side=True, do_handshake_on_connect=False
        )
        return wrapped, address

    def handle_error(self, *_: object) -> None:
        """A probe that only looks at the certificate hangs up: no news."""


class Targets:
    """Five servers; ``http_port`` can be stopped and started again."""

    def __init__(self, place: Path) -> None:
        authority = trustme.CA()
        self.ca_file = place / "ca.pem"
        authority.cert_pem.write_to_path(self.ca_file)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
        tls = _TlsServer(("127.0.0.1", 0), _Page)
        tls.context = context
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _Page)
        self.http_port = self._http.server_port
        self._others = [
            tls,
            ThreadingUDPServer(("127.0.0.1", 0), _Udp),
            ThreadingTCPServer(("127.0.0.1", 0), _Banner),
        ]
        self.tls_port, self.dns_port, self.tcp_port = (
            server.server_address[1] for server in self._others
        )
        for server in (self._http, *self._others):
            _serve(server)

    def stop_http(self) -> None:
        """Let the web server refuse connections."""
        self._http.shutdown()
        self._http.server_close()

    def start_http(self) -> None:
        """Let the web server answer again."""
        self._http = ThreadingHTTPServer(("127.0.0.1", self.http_port), _Page)
        _serve(self._http)

    def close(self) -> None:
        """Stop all."""
        for server in (self._http, *self._others):
            server.shutdown()
            server.server_close()


def _serve(
    server: ThreadingHTTPServer | ThreadingTCPServer | ThreadingUDPServer,
) -> None:
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
