"""Three real workers: they measure and vouch for each other, and part from one."""

import contextlib
import socket
import threading

import pytest

from tests.e2e.cluster import Cluster, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(180)]


class Wire:
    """Carries connections to a port of loopback until it is cut."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._ends: list[socket.socket] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Carry nothing any more, and take no new connections."""
        for end in [self._server, *self._ends]:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._server.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
                self._ends += [near, far]
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=_pump, args=pair, daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def matrix(cluster: Cluster) -> dict[tuple[str, str], dict]:
    """Return every direction that is linked and measured."""
    items = cluster.api("/mesh?limit=500")["items"]
    return {(i["from"], i["to"]): i for i in items if i["rtt_ms"] is not None}


def health(cluster: Cluster, name: str) -> str:
    """Return how a worker is."""
    return str(cluster.api(f"/workers/{name}")["health"])


def test_workers_measure_vouch_for_and_part_from_each_other(cluster: Cluster) -> None:
    cluster.start()
    wire = Wire(cluster.port)
    here = ("--listen", "127.0.0.1:0")
    hel = cluster.worker("hel", *here).start()
    osl = cluster.worker("osl", *here)
    way = {f"127.0.0.1:{cluster.port}": f"127.0.0.1:{wire.port}"}
    osl.arguments = tuple(way.get(word, word) for word in osl.arguments)
    osl.start()
    wait_for(lambda: len(cluster.connected()) == 3, 20, "three workers join")

    names = ("hel", "local", "osl")
    pairs = {(a, b) for a in names for b in names if a != b}
    wait_for(lambda: matrix(cluster).keys() == pairs, 20, "a whole matrix")
    for pair, seen in matrix(cluster).items():
        assert seen["path"] == "direct", pair
        assert seen["loss"] == 0.0
        assert not seen["one_way"]
        assert 0 < seen["rtt_ms"] < 1000
    listed = cluster.cli("worker", "list", "-o", "wide").stdout
    assert "PEERS" in listed
    assert listed.count("2/2") == 3

    # Only the way from osl to the coordinator is cut: its peers still hear it.
    wire.cut()
    wait_for(lambda: "alive via" in health(cluster, "osl"), 15, "a peer's word")
    assert "osl" not in cluster.connected()
    assert "unreachable from here" in cluster.cli("worker", "list").stdout
    assert cluster.api("/workers/osl")["alive_via"] in ("hel", "local")

    # Nobody of the mesh talks to it any more once it is revoked.
    cluster.cli("worker", "revoke", "osl", "--yes")
    wait_for(lambda: "link to peer osl ended" in hel.said(), 5, "a cut at hel")
    wait_for(lambda: matrix(cluster).keys() <= {("hel", "local"), ("local", "hel")},
             15, "a matrix without it")  # fmt: skip
    wait_for(lambda: "link to peer hel ended" in osl.said(), 5, "a cut at osl")
