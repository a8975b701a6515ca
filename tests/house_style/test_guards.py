"""The guards that stand around every test do bite."""

import socket
import sys

import pytest

from tests.conftest import GUARD
from tests.needs import _lacks, need

#: For documentation (RFC 5737): belongs to nobody.
NOBODY = "192.0.2.1"


@pytest.mark.parametrize(
    ("event", "args"),
    [
        ("socket.connect", (None, (NOBODY, 80))),
        ("socket.sendto", (None, ("::ffff:192.0.2.1", 9, 0, 0))),
        ("socket.sendmsg", (None, ("fe80::1%eth0", 9))),
        ("socket.getaddrinfo", ("example.test", 80, 0, 0, 0)),
    ],
)
def test_nothing_leaves_the_machine(event, args):
    # Only announced, as the socket module does before it acts: nothing is sent.
    with pytest.raises(PermissionError, match="may not send"):
        sys.audit(event, *args)
    assert len(GUARD.refused) == 1
    GUARD.refused.clear()


def test_loopback_is_free():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
        socket.getaddrinfo("localhost", 80)


def test_what_is_missing_skips_and_says_how_to_get_it(monkeypatch):
    monkeypatch.delenv("PANGEA_TEST_ALL", raising=False)
    monkeypatch.setenv("PATH", "")
    _lacks.cache_clear()
    with pytest.raises(pytest.skip.Exception, match="apt-get install chromium"):
        need("chromium")
    monkeypatch.setenv("PANGEA_TEST_ALL", "1")
    with pytest.raises(pytest.fail.Exception, match="chromium is missing"):
        need("chromium")
    _lacks.cache_clear()
