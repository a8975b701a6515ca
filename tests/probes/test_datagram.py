"""A socket that reports the errors of earlier packets when the next one is sent."""

import errno
import socket
import struct

import pytest

from pangea.probes.datagram import IP_RECVERR, MSG_ERRQUEUE, SENDS, WatchedSocket

UNREACHABLE = struct.pack("=IBBBxII", errno.EHOSTUNREACH, 2, 3, 1, 0, 0) + bytes(16)


class Refused(socket.socket):
    """A socket of which so many sends report an ICMP error of another packet."""

    def prepare(self, refusals, *, queued=True):
        self.refusals, self.queued, self.sent = refusals, queued, []
        self.waiting = 0
        return self

    def sendto(self, data, address):
        if self.refusals:
            self.refusals -= 1
            self.waiting += self.queued
            raise OSError(errno.EHOSTUNREACH, "no route to host")
        self.sent.append(data)
        return len(data)

    def recvmsg(self, size, room, flags=0):
        if not (flags & MSG_ERRQUEUE and self.waiting):
            raise BlockingIOError
        self.waiting -= 1
        error = (socket.IPPROTO_IP, IP_RECVERR, UNREACHABLE)
        return b"quoted", [error], 0, ("192.0.2.1", 0)


@pytest.fixture
async def refused():
    errors = []
    sock = Refused(socket.AF_INET, socket.SOCK_DGRAM)
    watched = WatchedSocket(sock, lambda: None, errors.append)
    yield sock, watched, errors
    watched.close()


@pytest.mark.parametrize("refusals", [1, 2, SENDS - 1])
async def test_errors_of_other_packets_are_told_and_the_packet_goes_out(
    refused, refusals
):
    sock, watched, errors = refused
    sock.prepare(refusals)
    watched.send(b"x", [], ("127.0.0.1", 9))
    assert sock.sent == [b"x"]
    assert len(errors) == refusals


async def test_an_error_of_its_own_is_raised_at_the_second_try(refused):
    sock, watched, errors = refused
    sock.prepare(10, queued=False)
    with pytest.raises(OSError, match="no route"):
        watched.send(b"x", [], ("127.0.0.1", 9))
    assert (sock.refusals, errors) == (8, [])


async def test_a_flood_of_errors_holds_nobody_for_ever(refused):
    sock, watched, errors = refused
    sock.prepare(1000)
    with pytest.raises(OSError, match="no route"):
        watched.send(b"x", [], ("127.0.0.1", 9))
    assert len(errors) == SENDS
