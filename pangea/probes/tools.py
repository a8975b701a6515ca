"""The engines that probes share: opened at first use, closed together."""

import time
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .dns_engine import DnsEngine
    from .icmp_engine import IcmpEngine
    from .tls_engine import TlsEngine


class Tools:
    """One set per process; every engine lives on the running event loop.

    ``now`` is this machine's wall clock, in seconds since 1970.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self.now = now

    @cached_property
    def icmp(self) -> "IcmpEngine":
        """The shared ping sockets."""
        from .icmp_engine import IcmpEngine

        return IcmpEngine()

    @cached_property
    def dns(self) -> "DnsEngine":
        """The shared query sockets, and name resolution without a cache."""
        from .dns_engine import DnsEngine

        return DnsEngine()

    @cached_property
    def tls(self) -> "TlsEngine":
        """The cached TLS contexts and trust stores."""
        from .tls_engine import TlsEngine

        return TlsEngine()

    async def close(self) -> None:
        """Close what was opened."""
        for name in ("icmp", "dns", "tls"):
            if name in self.__dict__:
                await self.__dict__.pop(name).close()
