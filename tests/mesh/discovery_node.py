"""A process for the discovery test: advertises, browses, or forges.

Runs only inside a namespace that the test has made. Prints one line of JSON for
each thing that happened.
"""

import asyncio
import json
import sys
import time

from aiohttp import web
from zeroconf import IPVersion
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from pangea.core.errors import Unreachable
from pangea.mesh.advert import SERVICE_TYPE, text_record
from pangea.mesh.dial import Address, dial
from pangea.mesh.discovery import Advertiser, Browser
from pangea.system_clock import SystemClock


def say(**what):
    print(json.dumps(what), flush=True)


class Ahead(SystemClock):
    """A clock three hours ahead, from some seconds on."""

    def __init__(self, after=0.0):
        self._from = time.monotonic() + after

    def wall(self):
        return super().wall() + (3 * 3600 if time.monotonic() >= self._from else 0)


async def advertise(secret, port, clock=None, rescan=30.0):
    advertiser = Advertiser(
        port, lambda: [secret], clock or SystemClock(), listen_host="::", rescan=rescan
    )
    try:
        await advertiser.start()
    except Unreachable as error:
        say(ready=False, error=str(error), hint=error.hint)
        return
    say(ready=True)
    await asyncio.to_thread(sys.stdin.read)
    await advertiser.close()


async def rotate(secret, port):
    """Advertise, and a second later for the next secret as well."""
    secrets = [secret]
    advertiser = Advertiser(port, lambda: secrets, SystemClock(), listen_host="::")
    await advertiser.start()
    say(ready=True)
    await asyncio.sleep(1)
    secrets.insert(0, bytes(range(1, 33)))
    advertiser.renew()
    await asyncio.to_thread(sys.stdin.read)
    await advertiser.close()


async def browse(secret, seconds, clock=None, rescan=30.0):
    began = time.monotonic()
    clock = clock or SystemClock()
    async with Browser(lambda: [secret], clock, rescan=rescan) as browser:
        say(ready=True)

        async def listen():
            async for host, port in browser.candidates():
                say(host=host, port=port, after=time.monotonic() - began)

        listening = asyncio.create_task(listen())
        told_to_stop = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
        await asyncio.wait([told_to_stop], timeout=seconds)
        listening.cancel()
    say(end=True)


async def watch(secret, seconds):
    """Say what comes and goes on the link, whoever says it."""

    def heard(zeroconf, service_type, name, state_change):
        say(state=state_change.name)

    zeroconf = AsyncZeroconf(ip_version=IPVersion.V4Only)
    AsyncServiceBrowser(zeroconf.zeroconf, SERVICE_TYPE, handlers=[heard])
    say(ready=True)
    await asyncio.to_thread(sys.stdin.read)
    await zeroconf.async_close()


async def forge(secret, real_port):
    """Advertise what must all be ignored; some of it with the right tag."""
    zeroconf = AsyncZeroconf(ip_version=IPVersion.V4Only)
    now = time.time()
    right = text_record(secret, "p-aaaaaaaa", now)
    old = text_record(secret, "p-bbbbbbbb", now - 3 * 3600)
    adverts = [
        ("p-aaaaaaaa", right, 80, ["10.77.0.1"]),
        ("p-aaaaaaab", right, real_port, ["10.77.0.1"]),
        ("p-bbbbbbbb", old, real_port, ["10.77.0.1"]),
        ("p-cccccccc", {"v": b"\xff\xfe", "t": b"\x1b[31m"}, real_port, ["10.77.0.1"]),
        ("another name", right, real_port, ["10.77.0.1"]),
        ("p-dddddddd", text_record(secret, "p-dddddddd", now), real_port,
         ["192.0.2.66", "127.0.0.1"]),
        ("p-eeeeeeee", {"t": None}, real_port, ["10.77.0.1"]),
    ]  # fmt: skip
    for name, text, port, addresses in adverts:
        info = AsyncServiceInfo(
            SERVICE_TYPE,
            f"{name}.{SERVICE_TYPE}",
            parsed_addresses=addresses,
            port=port,
            properties=text,
            server=f"{name.replace(chr(32), chr(45))}.local.",
        )
        await zeroconf.async_register_service(info, cooperating_responders=True)
    say(ready=True)
    await asyncio.to_thread(sys.stdin.read)
    await zeroconf.async_close()


async def serve(host, port):
    """Accept one connection on /mesh and say what came."""

    async def mesh(request):
        websocket = web.WebSocketResponse(compress=False)
        await websocket.prepare(request)
        say(host=request.host, received=(await websocket.receive_bytes()).hex())
        return websocket

    app = web.Application()
    app.router.add_get("/mesh", mesh)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    say(ready=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


async def knock(host, port):
    """Dial and say five bytes."""
    say(ready=True)
    channel = await dial(Address(host, port))
    await channel.send(b"knock")
    await channel.close()
    say(end=True)


def advertise_for_hours(secret, port):
    return advertise(secret, port, Ahead(after=1.0), rescan=0.5)


def browse_hours_later(secret, seconds):
    return browse(secret, seconds, Ahead(), rescan=0.5)


def browse_often(secret, seconds):
    return browse(secret, seconds, rescan=0.5)


SECRET_VERBS = {
    verb.__name__: verb
    for verb in (
        advertise,
        advertise_for_hours,
        browse,
        browse_hours_later,
        browse_often,
        forge,
        rotate,
        watch,
    )
}
if __name__ == "__main__":
    verb, what, number = sys.argv[1:]
    if verb in SECRET_VERBS:
        asyncio.run(SECRET_VERBS[verb](bytes.fromhex(what), int(number)))
    else:
        asyncio.run({"serve": serve, "knock": knock}[verb](what, int(number)))
