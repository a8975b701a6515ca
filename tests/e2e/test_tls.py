"""TLS in real processes: its own, given files, and nginx in front."""

import json
import os
import re
import signal
import ssl
import subprocess
import time
import urllib.request
from contextlib import closing
from http.client import HTTPConnection
from http.cookiejar import CookieJar
from pathlib import Path

import pytest

from tests.e2e.cluster import Cluster, Node, wait_for
from tests.mesh.tls_parties import own_pair
from tests.needs import need
from tests.ports import free_port

pytestmark = pytest.mark.e2e

UNVERIFIED = ssl.create_default_context()
UNVERIFIED.check_hostname, UNVERIFIED.verify_mode = False, ssl.CERT_NONE

NGINX = """
daemon off; worker_processes 1; pid {place}/nginx.pid; error_log {place}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {place}/body; proxy_temp_path {place}/proxy;
    fastcgi_temp_path {place}/f; uwsgi_temp_path {place}/u; scgi_temp_path {place}/s;
    map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {chain};
        ssl_certificate_key {key};
        location / {{
            proxy_pass http://127.0.0.1:{behind};
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_buffering off;
            proxy_read_timeout 1h;
        }}
    }}
}}
"""


@pytest.fixture
def nginx(tmp_path: Path, cluster: Cluster):
    """A proxy that ends TLS in front of *cluster*; gives its port."""
    need("nginx")
    place, port = tmp_path / "nginx", free_port()
    place.mkdir()
    chain, key = own_pair(place, now=time.time())
    text = NGINX.format(
        place=place, port=port, chain=chain, key=key, behind=cluster.port
    )
    (place / "nginx.conf").write_text(text)
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    process = subprocess.Popen(
        ["nginx", "-p", place, "-e", place / "error.log", "-c", place / "nginx.conf"],
        env={**os.environ, "PATH": path},
    )
    yield port
    process.terminate()
    process.wait(10)
    print((place / "error.log").read_text())


def start(cluster: Cluster, *arguments: str) -> None:
    """Start the coordinator with *arguments*; wait for its greeting."""
    cluster.coordinator.arguments += arguments
    cluster.coordinator.start()
    wait_for(lambda: "  first " in cluster.coordinator.said(), 20, "a greeting")


def here(cluster: Cluster, *arguments: str, code: int = 0) -> str:
    """Run a command on the coordinator's machine, which names no server."""
    ran = subprocess.run(
        [*cluster.command, "--state-dir", cluster.coordinator.state_dir, *arguments],
        cwd="/",
        env=cluster.env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == code, f"{arguments}\n{ran.stdout}\n{ran.stderr}"
    return ran.stdout


def linked(cluster: Cluster) -> set[str]:
    """Return the names of the workers that are connected."""
    listed = json.loads(here(cluster, "worker", "list", "-o", "json"))
    return {worker["name"] for worker in listed if worker["connected"]}


def worker_at(cluster: Cluster, name: str, address: str) -> Node:
    """Return a worker that joins at *address* with the cluster's secret."""
    secret = cluster.place / "secret"
    secret.write_text(here(cluster, "secret", "show"))
    secret.chmod(0o600)
    joining = ("--secret-file", str(secret), "--join", address)
    return cluster._node(name, "--role", "worker", "--name", name, *joining)


def last_good(node: Node) -> list[str]:
    """Return where *node* remembers its coordinator."""
    return json.loads((node.state_dir / "last-good.json").read_text())["addresses"]


def test_a_certificate_of_its_own_serves_dashboard_command_line_and_workers(
    cluster: Cluster,
):
    start(cluster, "--tls", "auto")
    url = f"https://127.0.0.1:{cluster.port}"
    far = [
        worker_at(cluster, "said", url),
        worker_at(cluster, "found", f"127.0.0.1:{cluster.port}"),
    ]
    for node in far:
        node.start()
    wait_for(lambda: linked(cluster) == {"local", "said", "found"}, 20, "three workers")
    assert [last_good(node) for node in far] == [[url], [url]]
    shown = re.search(r"SHA-256 (\S+)", cluster.coordinator.said())[1]
    elsewhere = {**cluster.env, "PANGEA_TLS_FINGERPRINT": shown}
    token = cluster.coordinator.state_dir / "admin.token"
    ran = subprocess.run(
        [*cluster.command, "--server", url, "--token-file", token, "worker", "list"],
        cwd="/",
        env=elsewhere,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    with closing(HTTPConnection("127.0.0.1", cluster.port, timeout=5)) as plain:
        plain.request("POST", "/api/v1/jobs", b"{}")
        assert plain.getresponse().status == 426
    assert cluster.coordinator.stop() == 0


def test_a_renewed_certificate_is_taken_under_live_links(
    cluster: Cluster, tmp_path: Path
):
    place = tmp_path / "given"
    chain, key = own_pair(place, now=time.time())
    start(cluster, "--tls-cert", str(chain), "--tls-key", str(key))
    wait_for(lambda: linked(cluster) == {"local"}, 20, "the own worker")
    chain.unlink()
    own_pair(place, now=time.time())
    cluster.coordinator.process.send_signal(signal.SIGHUP)
    wait_for(
        lambda: "another certificate from now on" in cluster.coordinator.said(),
        3,
        "the new certificate",
    )
    assert linked(cluster) == {"local"}
    late = worker_at(cluster, "late", f"https://127.0.0.1:{cluster.port}")
    late.start()
    wait_for(lambda: linked(cluster) == {"local", "late"}, 20, "a late worker")
    assert "is gone" not in cluster.coordinator.said()
    chain.write_text("half a renewal")
    cluster.coordinator.process.send_signal(signal.SIGHUP)

    def told() -> bool:
        trouble = json.loads(here(cluster, "status", "-o", "json"))["trouble"]
        return any("certificate is not used" in line for line in trouble)

    wait_for(told, 5, "the trouble in the status")


def test_behind_nginx_worker_and_dashboard_work(cluster: Cluster, nginx: int):
    start(cluster, "--tls-proxy", "127.0.0.1")
    url = f"https://127.0.0.1:{nginx}"
    node = worker_at(cluster, "far", url)
    node.start()
    wait_for(lambda: linked(cluster) == {"local", "far"}, 20, "a worker by nginx")
    assert last_good(node) == [url]
    said = cluster.coordinator.said()
    code = re.search(r"log in +(\S+)", said)[1]
    cookies = CookieJar()
    opener = urllib.request.build_opener(
        urllib.request.HTTPCookieProcessor(cookies),
        urllib.request.HTTPSHandler(context=UNVERIFIED),
    )
    page = opener.open(f"{url}/login", data=f"code={code}".encode(), timeout=10)
    assert page.url == f"{url}/dash"
    text = page.read().decode()
    assert "plain HTTP:" not in text
    (cookie,) = cookies
    assert cookie.name == "__Host-pangea"
    assert cookie.secure
    with opener.open(f"{url}/api/v1/events?kinds=worker", timeout=10) as stream:
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        node.kill()
        lines = iter(stream.readline, b"")
        assert any(b'"far"' in line for line in lines)


def test_in_public_the_secret_alone_opens_nothing(cluster: Cluster, nginx: int):
    start(cluster, "--public", "--tls-proxy", "127.0.0.1")
    wait_for(lambda: linked(cluster) == {"local"}, 20, "the own worker")
    node = worker_at(cluster, "far", f"https://127.0.0.1:{nginx}")
    node.start()
    listed = wait_for(
        lambda: [
            worker
            for worker in json.loads(here(cluster, "worker", "list", "-o", "json"))
            if worker["name"] == "far"
        ],
        20,
        "a worker that waits",
    )
    assert listed[0]["state"] == "pending"


def test_in_public_a_token_brings_a_worker_in_through_the_proxy(
    cluster: Cluster, nginx: int
):
    url = f"https://localhost:{nginx}"
    cluster.env["PANGEA_URL"] = url
    start(cluster, "--public", "--tls-proxy", "127.0.0.1")
    said = cluster.coordinator.said()
    assert f"open      {url}" in said
    assert "worker token" in said
    assert "secret show" not in said
    made = json.loads(here(cluster, "worker", "token", "--approve", "-o", "json"))
    joining = ("--role", "worker", "--name", "far", "--join", made["token"])
    node = cluster._node("far", *joining)
    node.start()
    wait_for(lambda: linked(cluster) == {"local", "far"}, 20, "a worker by token")
    assert last_good(node) == [url]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--public"], "public needs TLS"),
        (["--public", "--tls", "off"], "public needs TLS"),
        (["--public", "--tls", "auto", "--role", "worker"], "for a coordinator"),
        (["--public", "--tls", "auto", "--discovery", "mdns"], "mdns"),
        (["--tls-cert", "/nowhere/c", "--tls-key", "/nowhere/k"], "cannot read"),
    ],
)
def test_contradictions_end_with_78_and_the_way_out(
    cluster: Cluster, arguments: list[str], words: str
):
    state = cluster.place / "refused"
    arguments = ["run", "--listen", f"127.0.0.1:{cluster.port}", *arguments]
    ran = subprocess.run(
        [*cluster.command, "--state-dir", state, *arguments],
        cwd="/",
        env={k: v for k, v in cluster.env.items() if k != "PANGEA_DISCOVERY"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ran.returncode == 78, ran.stderr
    assert words in ran.stderr
    assert "Traceback" not in ran.stderr


def test_given_flags_alone_are_half_a_pair(cluster: Cluster):
    here(cluster, "run", "--tls-cert", "/nowhere/c", code=2)
