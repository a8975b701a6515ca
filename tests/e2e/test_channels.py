"""Channels of a real coordinator: added and tried by its command, secrets unseen."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.e2e.cluster import Cluster

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(120)]

SECRET = "s3cret-0123456789"


@contextmanager
def receiver() -> Iterator[tuple[str, list[bytes]]]:
    """Run a server on loopback; return its URL and what it got."""
    got: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            got.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200 if len(got) < 3 else 401)
            self.end_headers()
            self.wfile.write(self.path.encode())

        def log_message(self, *_):
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", got
        server.shutdown()


def test_channels_are_added_and_tried(cluster: Cluster, tmp_path: Path):
    program = tmp_path / "page"
    program.write_text(f"#!/bin/sh\ncat > {tmp_path}/paged\necho paged\n")
    program.chmod(0o755)
    cluster.env |= {
        "PANGEA_ALERTS_ALLOW": "127.0.0.1",
        "PANGEA_ALERTS_EXEC": str(program),
    }
    cluster.coordinator.arguments += ("--no-local-worker",)
    cluster.start()
    with receiver() as (url, got):
        secret = tmp_path / "url"
        secret.write_text(f"{url}/hooks/{SECRET}\n")
        template = 'json={"title": "{{ subject }}", "kind": "{{ kind }}"}'
        hook = ("--set", f"url=@{secret}")
        said = [
            cluster.cli("channel", "add", "slack", "chat", *hook),
            cluster.cli("channel", "add", "webhook", "desk", *hook, "--set", template),
            cluster.cli(
                "channel", "add", "exec", "page", "--set", f"program={program}"
            ),
            cluster.cli("channel", "test", "chat"),
            cluster.cli("channel", "test", "desk"),
            cluster.cli("channel", "test", "page"),
            cluster.cli("channel", "test", "chat", code=1),
            cluster.cli("channel", "list", "--json"),
            cluster.cli("channel", "show", "desk", "--json"),
        ]
    assert json.loads(got[1]) == {
        "title": "[TEST] Pangea reaches you over desk",
        "kind": "test",
    }
    assert json.loads((tmp_path / "paged").read_text())["kind"] == "test"
    assert "page took it" in said[5].stdout
    assert "refused it for good: it answered 401: /hooks/********" in said[6].stdout
    told = "".join(ran.stdout + ran.stderr for ran in said)
    assert SECRET not in told + cluster.coordinator.said()
    assert all(
        SECRET.encode() not in path.read_bytes()
        for path in cluster.coordinator.state_dir.rglob("*")
        if path.is_file()
    )
