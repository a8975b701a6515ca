"""Finding the coordinator on the same link by mDNS (RFC 6762, RFC 6763).

An advertisement is a hint of an address, never a fact: who answers there still
has to prove the secret and its key. It says nothing to those outside the cluster.
"""

import asyncio
import logging
import secrets as random_source
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from typing import Self

from zeroconf import Error, InterfaceChoice, IPVersion, ServiceStateChange, Zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from pangea.core.clock import Clock
from pangea.core.errors import Unreachable
from pangea.mesh.advert import (
    SERVICE_TYPE,
    is_ours,
    own_addresses,
    text_record,
    worth_a_try,
)
from pangea.mesh.interfaces import local_addresses
from pangea.mesh.overheard import Overheard, Properties

log = logging.getLogger(__name__)

RESCAN_SECONDS = 30.0
#: How often we look whether an interface or an address has come or gone.
LOOK_SECONDS = 2.0
MAX_CANDIDATES = 16
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


class Advertiser:
    """Says on every link that a coordinator listens on *port*.

    *secrets* returns what is valid now (raw), the current one first. Each has an
    advertisement of its own, so that also a worker which has missed a rotation
    finds us; call ``renew`` when they change. *listen_host* is what the server is
    bound to, and says which addresses count. New interfaces and addresses are
    noticed within seconds, new hours every *rescan* seconds.
    """

    def __init__(
        self,
        port: int,
        secrets: Callable[[], Sequence[bytes]],
        clock: Clock,
        *,
        listen_host: str = "0.0.0.0",
        rescan: float = RESCAN_SECONDS,
    ) -> None:
        self._secrets = secrets
        self._rescan = rescan
        self._port = port
        self._clock = clock
        self._listen_host = listen_host
        self._host = _random_name()
        self._zeroconf: AsyncZeroconf | None = None
        self._said: dict[bytes, AsyncServiceInfo] = {}
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def start(self) -> None:
        """Begin; raise `Unreachable` if no interface here can multicast.

        It is tried again then, until `close`.
        """
        self._task = asyncio.create_task(self._run(), name="advertise")
        await self._announce()

    def renew(self) -> None:
        """Say what is true now: other secrets count."""
        self._changed.set()

    async def close(self) -> None:
        """Say goodbye and stop."""
        await _stop(self._task)
        zeroconf, self._zeroconf = self._zeroconf, None
        if zeroconf is not None:
            with suppress(OSError, Error):
                await zeroconf.async_unregister_all_services()
            await zeroconf.async_close()

    async def _run(self) -> None:
        while True:
            await _changes(self._rescan, self._changed)
            try:
                if self._zeroconf is not None:
                    await self._zeroconf.zeroconf.async_update_interfaces()
                await self._announce()
            except (OSError, RuntimeError, Error, Unreachable) as error:
                log.debug("advertising: %s; trying again", error)

    async def _announce(self) -> None:
        if self._zeroconf is None:
            self._zeroconf = _open()
        secrets = self._secrets()
        for secret in [known for known in self._said if known not in secrets]:
            gone = self._said.pop(secret)
            await (await self._zeroconf.async_unregister_service(gone))
        for secret in secrets:
            await self._say(self._zeroconf, secret)

    async def _say(self, zeroconf: AsyncZeroconf, secret: bytes) -> None:
        before = self._said.get(secret)
        name = before.name if before else f"{_random_name()}.{SERVICE_TYPE}"
        info = self._said[secret] = self._make_info(secret, name)
        if before is None:
            # The name is random, so nobody is asked whether it is taken: that
            # would cost most of a second, and let anybody say yes for ever.
            await (
                await zeroconf.async_register_service(info, cooperating_responders=True)
            )
        elif before.text != info.text or before.addresses != info.addresses:
            await (await zeroconf.async_update_service(info))

    def _make_info(self, secret: bytes, name: str) -> AsyncServiceInfo:
        instance = name.removesuffix("." + SERVICE_TYPE)
        return AsyncServiceInfo(
            SERVICE_TYPE,
            name,
            parsed_addresses=own_addresses(self._listen_host, local_addresses()),
            port=self._port,
            server=f"{self._host}.local.",
            properties=text_record(secret, instance, self._clock.wall()),
        )


class Browser:
    """Looks on every link for coordinators that hold a secret of ours.

    *secrets* returns those (raw). Every *rescan* seconds it asks anew, and within
    seconds on interfaces and addresses that have come up.
    """

    def __init__(
        self,
        secrets: Callable[[], Sequence[bytes]],
        clock: Clock,
        *,
        rescan: float = RESCAN_SECONDS,
    ) -> None:
        self._rescan = rescan
        self._secrets = secrets
        self._clock = clock
        self._zeroconf: AsyncZeroconf | None = None
        self._browser: AsyncServiceBrowser | None = None
        self._task: asyncio.Task[None] | None = None
        self._overheard: Overheard | None = None
        self._local = local_addresses()
        self._offered: set[tuple[str, int]] = set()
        self._waiting: asyncio.Queue[tuple[str, int] | None] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def start(self) -> None:
        """Begin; raise `Unreachable` if no interface here can multicast."""
        self._zeroconf = _open()
        engine = self._zeroconf.zeroconf
        await engine.async_wait_for_start()
        self._overheard = Overheard(engine, self._is_ours, self._offer)
        engine.async_add_listener(self._overheard, None)
        self._ask(self._zeroconf)
        self._task = asyncio.create_task(self._run(self._zeroconf), name="browse")

    async def candidates(self) -> AsyncIterator[tuple[str, int]]:
        """Yield (host, port) to try, until closed; each again after a rescan.

        No more than 16 between two rescans, whatever is said on the link.
        """
        while (candidate := await self._waiting.get()) is not None:
            yield candidate

    async def close(self) -> None:
        """Stop looking; `candidates` ends."""
        await _stop(self._task)
        zeroconf, self._zeroconf = self._zeroconf, None
        if zeroconf is not None:
            await zeroconf.async_close()
        self._waiting.put_nowait(None)

    async def _run(self, zeroconf: AsyncZeroconf) -> None:
        while True:
            await _changes(self._rescan)
            try:
                await self._refresh(zeroconf)
            except (OSError, RuntimeError, Error) as error:
                log.warning("discovery: %s; trying again", error)

    async def _refresh(self, zeroconf: AsyncZeroconf) -> None:
        await zeroconf.zeroconf.async_update_interfaces()
        self._local = local_addresses()
        self._offered.clear()
        if self._browser is not None:
            await self._browser.async_cancel()
        # A new browser asks again on every link.
        self._ask(zeroconf)
        if self._overheard is not None:
            self._overheard.again()

    def _ask(self, zeroconf: AsyncZeroconf) -> None:
        # It asks who is there; what is said to that, the listener hears.
        self._browser = AsyncServiceBrowser(
            zeroconf.zeroconf, SERVICE_TYPE, handlers=[_pass_over]
        )

    def _is_ours(self, properties: Properties, instance: str) -> bool:
        return is_ours(properties, instance, self._secrets(), self._clock.wall())

    def _offer(self, addresses: list[str], port: int) -> None:
        for candidate in worth_a_try(addresses, port, self._local):
            if len(self._offered) < MAX_CANDIDATES and candidate not in self._offered:
                self._offered.add(candidate)
                self._waiting.put_nowait(candidate)


def _pass_over(
    zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange
) -> None:
    """Called by zeroconf for a service that comes or goes."""


def _random_name() -> str:
    return "p-" + "".join(random_source.choice(_ALPHABET) for _ in range(8))


def _open() -> AsyncZeroconf:
    """Return zeroconf on all interfaces, for as many IP versions as work here."""
    failure: Exception | None = None
    for version in (IPVersion.All, IPVersion.V4Only, IPVersion.V6Only):
        try:
            return AsyncZeroconf(interfaces=InterfaceChoice.All, ip_version=version)
        except (OSError, RuntimeError) as error:  # the latter: no interface at all
            failure = error
    raise Unreachable(
        f"no multicast on this machine: {failure}",
        hint="discovery is off; name the coordinator with --join HOST[:PORT]",
    )


async def _changes(seconds: float, changed: asyncio.Event | None = None) -> None:
    """Return after *seconds*, or sooner if an address of ours or *changed* changes."""
    loop = asyncio.get_running_loop()
    until, before = loop.time() + seconds, local_addresses()
    changed = changed or asyncio.Event()
    while (left := until - loop.time()) > 0 and local_addresses() == before:
        try:
            async with asyncio.timeout(min(left, LOOK_SECONDS)):
                await changed.wait()
        except TimeoutError:
            continue
        changed.clear()
        return


async def _stop(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
