"""All checks, one after the other."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from .channels import channels
from .node import node
from .parts import parts
from .questions import questions
from .row import Row, tried
from .servers import Servers


async def selftest(*, multicast: bool) -> AsyncIterator[Row]:
    """Yield a row for each check; *multicast* tells whether zeroconf may be tried."""
    with tempfile.TemporaryDirectory(prefix="pangea-selftest-") as name:
        place = Path(name)
        async with Servers(place) as servers, node(place, servers) as nodes:
            for check in (
                *questions(servers),
                *parts(place, multicast=multicast),
                *nodes,
                *channels(servers),
            ):
                yield await tried(check)
