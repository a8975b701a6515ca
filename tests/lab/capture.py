"""Reads what passes a host of the lab, as tcpdump would; and writes it as pcap."""

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from tests.lab.hosts import Hosts

ALL = 0x0003
SNAP = 65_535
#: pcap: magic, version 2.4, zone, accuracy, bytes of a packet, Ethernet.
HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, SNAP, 1)
#: Ethernet is 14 bytes; then IPv4 says how long it is itself and what is in it.
ETHERNET, PROTOCOL, TCP = 14, 9, 6


@contextmanager
def captured(net: Hosts, host: str, device: str, pcap: Path) -> Iterator[list[bytes]]:
    """Yield the frames that pass *device* of *host*; afterwards *pcap* has them."""
    frames, over = list[bytes](), threading.Event()
    with net.call(host, _open, device) as sock, pcap.open("wb") as file:
        file.write(HEADER)
        reader = threading.Thread(target=_read, args=(sock, frames, file, over))
        reader.start()
        try:
            yield frames
        finally:
            time.sleep(0.2)
            over.set()
            reader.join()


def streams(frames: list[bytes], port: int) -> dict[tuple[bytes, bytes], bytes]:
    """Return what was sent in each direction of each connection with *port*."""
    found: dict[tuple[bytes, bytes], dict[int, bytes]] = {}
    for frame in frames:
        packet = frame[ETHERNET:]
        if packet[0] >> 4 != 4 or packet[PROTOCOL] != TCP:
            continue
        segment = packet[4 * (packet[0] & 15) : int.from_bytes(packet[2:4])]
        if port not in struct.unpack("!HH", segment[:4]):
            continue
        number = int.from_bytes(segment[4:8])
        ends = (packet[12:16] + segment[:2], packet[16:20] + segment[2:4])
        found.setdefault(ends, {})[number] = segment[4 * (segment[12] >> 4) :]
    return {
        ends: b"".join(parts[number] for number in sorted(parts))
        for ends, parts in found.items()
    }


def payloads(stream: bytes) -> bytes:
    """Return what the messages of a WebSocket hold, in one direction, unmasked.

    What a client says is masked (RFC 6455, 5.3): in the stream no word could be found.
    """
    head, _, rest = stream.partition(b"\r\n\r\n")
    assert b"Upgrade: websocket" in head, "it begins with the handshake"
    found = b""
    while len(rest) >= 2:
        size, begin = rest[1] & 0x7F, 2
        if size > 125:
            begin += 2 if size == 126 else 8
            size = int.from_bytes(rest[2:begin])
        if rest[1] & 0x80:
            begin += 4
        mask = rest[begin - 4 : begin] if rest[1] & 0x80 else bytes(4)
        data = rest[begin : begin + size]
        found += bytes(byte ^ mask[n % 4] for n, byte in enumerate(data))
        rest = rest[begin + size :]
    return found


def _open(device: str) -> socket.socket:
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL))
    sock.bind((device, 0))
    sock.settimeout(0.2)
    return sock


def _read(
    sock: socket.socket, frames: list[bytes], file: BinaryIO, over: threading.Event
) -> None:
    while not over.is_set():
        try:
            frame = sock.recv(SNAP)
        except TimeoutError:
            continue
        frames.append(frame)
        now = time.time()
        head = (int(now), int(now % 1 * 1e6), len(frame), len(frame))
        file.write(struct.pack("<IIII", *head) + frame)
