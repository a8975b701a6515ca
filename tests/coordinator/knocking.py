"""Nodes that knock at a coordinator's door by a secret, a token, or anything else."""

import asyncio
import secrets

from pangea.core.errors import ProtocolError
from pangea.mesh import identity
from pangea.mesh.identity import node_id
from pangea.mesh.info import NodeInfo
from pangea.mesh.join_token import parse_token
from pangea.mesh.link import initiate
from pangea.mesh.messages import Goodbye, Introduce, Welcome
from pangea.web.schema_tokens import TokenSpec
from tests.coordinator.conftest import BOOT, CLOCK, SECRET
from tests.mesh.fakes import memory_channels

ORG = 1


def key_of(world, name):
    return identity.load_or_create(world.place / f"{name}.key")


def id_of(world, name):
    return node_id(key_of(world, name).public_key)


async def knock(
    world, name, *, called="", key=None, secret=SECRET, token=None, boot=BOOT, **said
):
    """Return the node's end of a link; the coordinator has said nothing yet."""
    ours, theirs = memory_channels()
    accepting = world.coordinator.reception.accept(theirs, name, lambda: None)
    world.tasks.append(asyncio.create_task(accepting))
    more = {}
    if token is not None:
        read = parse_token(token)
        secret, more = read.proof, {"kind": 1, "hint": read.id}
    return await initiate(
        ours,
        key or key_of(world, name),
        secret,
        NodeInfo(**{"role": "worker", "name": called or name, "boot": boot, **said}),
        lambda key, info: None,
        clock=CLOCK,
        **more,
    )


async def come(world, name, **more):
    """Return the link and the coordinator's first word on it."""
    link = await knock(world, name, **more)
    async with asyncio.timeout(20):
        return link, await link.receive()


async def introduce(link, probes=("http", "tcp", "locked")):
    await link.send(Introduce("b", "1", "", None, {}, probes, {}))


async def is_refused(world, name, **more):
    """Tell whether the node gets nothing but the end of the connection."""
    try:
        link, said = await come(world, name, **more)
    except ProtocolError:
        return True
    await link.close()
    assert not isinstance(said, (Welcome, Goodbye)), said
    return False


async def silence(link, seconds=0.3):
    """Return whether nothing at all is said on *link* for a while."""
    try:
        async with asyncio.timeout(seconds):
            await link.receive()
    except TimeoutError:
        return True
    return False


async def mint(world, **spec):
    """Return the text of a new join token."""
    return (await world.members.mint(ORG, "ada", TokenSpec(**spec))).token


async def listed(world):
    """Return the workers in the list by name."""
    return {w.name: w for w in await world.members.workers(ORG)}


def new_boot():
    return secrets.token_hex(16)
