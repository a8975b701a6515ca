"""All checks, in the order in which a person would ask."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

from pangea.core.config import NodeConfig
from pangea.mesh.dial import Address

from .database import database
from .links import coordinators, interfaces, mdns
from .machine import clock, ipv6, open_files, rights, room, secret, state_directory
from .patient import Patient, examined
from .port import port
from .reach import reach
from .records import records
from .row import Row

CHECKS = (
    state_directory,
    secret,
    clock,
    room,
    open_files,
    rights,
    ipv6,
    port,
    database,
)
LINKS = (interfaces, mdns)


async def examine(config: NodeConfig, state_dir: Path) -> list[Row]:
    """Return the rows of all checks on the node that would run here."""
    patient = examined(config, state_dir)
    rows = await asyncio.to_thread(lambda: list(_still(patient)))
    found: list[Address] = []
    for look in (coordinators, records):
        row, places = await look(patient)
        rows.append(row)
        found += places
    return rows + await reach(patient, found)


def _still(patient: Patient) -> Iterator[Row]:
    for check in (*CHECKS, *LINKS):
        yield from check(patient)
