"""How much a connection may say before it has proven anything."""

import asyncio

#: An upgrade and a handshake fit in here many times, in bytes.
MOST = 16 * 1024


class Meter(asyncio.Protocol):
    """Stands before *inside* and counts; who says too much is cut off.

    What is held of an unfinished message of the mesh can be no more than that. It
    takes the place of *inside* on *transport* until it is lifted.
    """

    def __init__(self, transport: asyncio.Transport, inside: asyncio.Protocol) -> None:
        self._transport = transport
        self._inside = inside
        self._left = MOST
        transport.set_protocol(self)

    def lift(self) -> None:
        """Count no more: the peer has proven who it is."""
        if not self._transport.is_closing():
            self._transport.set_protocol(self._inside)

    def data_received(self, data: bytes) -> None:
        """Hand *data* on, unless it is too much in all."""
        self._left -= len(data)
        if self._left < 0:
            self._transport.abort()
            return
        self._inside.data_received(data)

    def eof_received(self) -> bool | None:
        """Hand it on."""
        return self._inside.eof_received()

    def pause_writing(self) -> None:
        """Hand it on."""
        self._inside.pause_writing()

    def resume_writing(self) -> None:
        """Hand it on."""
        self._inside.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Hand it on."""
        self._inside.connection_lost(exc)


def metered(transport: asyncio.Transport) -> Meter:
    """Return what counts on *transport*, from now on if nothing did."""
    protocol = transport.get_protocol()
    if isinstance(protocol, Meter):
        return protocol
    assert isinstance(protocol, asyncio.Protocol), "HTTP is served by a stream protocol"
    return Meter(transport, protocol)
