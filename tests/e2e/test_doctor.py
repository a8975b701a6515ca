"""The doctor on a link that a test has made: what it sees, and that it keeps quiet."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.bridge import switched
from tests.e2e.test_discovery import apart, inside, up

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.netns,
    pytest.mark.timeout(180),
]

#: Counts what leaves or enters eth0, of UDP and TCP, until it is told to stop.
SNIFF = """
import select, socket, sys
sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
sock.bind(("eth0", 0))
print("ready", flush=True)
seen = 0
while True:
    readable = select.select([sock, sys.stdin], [], [])[0]
    if sys.stdin in readable:
        break
    frame = sock.recv(2000)
    kind = frame[12:14]
    protocol = frame[23] if kind == b"\\x08\\x00" else frame[20]
    if kind in (b"\\x08\\x00", b"\\x86\\xdd") and protocol in (6, 17):
        seen += 1
print(seen, flush=True)
"""


def ask(cluster, space, *words, discovery):
    """Return the rows of the doctor in *space*, by check, and its exit code."""
    env = cluster.env | {"PANGEA_DISCOVERY": discovery}
    ran = subprocess.run(
        [*inside(space), *cluster.command[4:], "doctor", "--json", *words],
        cwd="/",
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in ran.stderr, ran.stderr
    return {row["check"]: row for row in json.loads(ran.stdout)}, ran.returncode


def worker_here(cluster, place):
    """Return the options of a worker that holds the secret and nothing else."""
    secret = place / "given"
    secret.write_text(cluster.cli("secret", "show").stdout)
    secret.chmod(0o600)
    return (
        *("--role", "worker", "--secret-file", str(secret)),
        *("--state-dir", str(place / "site")),
    )


def test_it_hears_itself_and_finds_and_knows_the_coordinator(
    tmp_path: Path, packages: Path
):
    with (
        switched("head", "site") as spaces,
        apart(tmp_path, packages, spaces["head"], "0.0.0.0") as cluster,
    ):
        up(cluster)
        site, words = spaces["site"], worker_here(cluster, tmp_path)
        rows, code = ask(cluster, site, *words, discovery="mdns")
        address = f"10.78.0.1:{cluster.port}"
        assert rows["mDNS eth0 IPv4"]["level"] == "ok"
        assert rows["mDNS eth0 IPv6"]["level"] == "ok"
        assert address in rows["coordinators on the link"]["found"]
        assert "secret taken" in rows[f"coordinator {address}"]["found"]
        assert code == 0


def test_with_discovery_static_not_a_packet_leaves(tmp_path: Path, packages: Path):
    with (
        switched("head", "site") as spaces,
        apart(tmp_path, packages, spaces["head"], "0.0.0.0", "static") as cluster,
    ):
        up(cluster)
        site, words = spaces["site"], worker_here(cluster, tmp_path)
        assert packets(cluster, site, words, "static") == 0
        assert packets(cluster, site, words, "mdns") > 0


def packets(cluster, site, words, discovery):
    """Return how many packets the doctor sends or gets."""
    sniffer = subprocess.Popen(
        [*inside(site), sys.executable, "-c", SNIFF],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert sniffer.stdout.readline() == "ready\n"
        rows, _ = ask(cluster, site, *words, discovery=discovery)
        assert (rows["DNS"]["level"]) == "skipped"
        seen, _ = sniffer.communicate("stop\n", timeout=10)
    finally:
        sniffer.kill()
        sniffer.wait(10)
    return int(seen)
