"""A coordinator from top to bottom: what starts when, and what it needs."""

import gc
import logging
import os
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

from pangea.background import Background
from pangea.core.config import NodeConfig, SelfTestTable
from pangea.core.errors import Unreachable
from pangea.mesh import identity, secret_ring
from pangea.mesh.discovery import Advertiser
from pangea.mesh.info import NodeInfo
from pangea.mesh.ring_file import NAME, RingFile
from pangea.moved import refuse_moved
from pangea.state_dir import new_boot
from pangea.storage import settings
from pangea.storage.database import Store
from pangea.system_clock import SystemClock
from pangea.systemd import Systemd
from pangea.vault import Vault
from pangea.web.enroll import first_account
from pangea.web.events import Hub

from .coordinator import Coordinator
from .first_start import open_accounts
from .front import open_front
from .greeting import greet
from .local_worker import LocalWorker

log = logging.getLogger(__name__)


async def run_coordinator(config: NodeConfig, state_dir: Path) -> None:
    """Run a coordinator until a signal; it stops from the bottom to the top."""
    clock = SystemClock()
    # Numbers go on after a restart, so a page that comes back is told to reload.
    hub = Hub(round(clock.wall() * 1000))
    name = config.node.name or socket.gethostname().partition(".")[0].lower()
    own = identity.load_or_create(state_dir / "node.key")
    rings = open_ring(config.mesh.secret_file, state_dir / NAME)
    info = NodeInfo(role="coordinator", name=name, boot=new_boot())
    async with AsyncExitStack() as stack:
        manager = Systemd.claim(os.environ)
        store = await open_store(config.database, state_dir, manager)
        stack.push_async_callback(store.close)
        accounts = await open_accounts(store, config.account_codes)
        vault = Vault.load_or_create(state_dir / "vault.key")
        coordinator = Coordinator(
            store,
            hub,
            own,
            rings.raw,
            info,
            clock,
            vault,
            ring=lambda: rings.ring.json,
            admission=config.mesh.admission,
            own_worker=own_worker(state_dir) if config.worker.local else b"",
        )
        coordinator.rotation.file = rings
        coordinator.retention.keep(config.retention)
        coordinator.alerting.configure(config)
        await start(coordinator, name)
        background = Background(stack, manager)
        background.start(coordinator.run(), "coordinator")
        front = await open_front(
            config, state_dir, coordinator, accounts, name, background, stack
        )
        stack.push_async_callback(coordinator.stop, "shutting down")
        if "mdns" in config.mesh.discovery:
            await advertise(
                Advertiser(front.here.port, rings.raw, clock, listen_host=front.host),
                stack,
                coordinator.rotation.changed,
            )
        if config.worker.local:
            local = local_worker(config, str(front.here), state_dir, name)
            stack.push_async_callback(local.stop)
            background.start(local.run(), "local worker")
        # Made last: a code that nobody saw would lock everybody out.
        code = await first_account(accounts)
        coordinator.alerting.own_mail.started(await accounts.all())
        # What is here now stays: looking through it again only makes pages wait.
        gc.freeze()
        greet(config, state_dir, front, code, watches=bool(coordinator.board.jobs))
        background.serve(f"serving on {front.here}", lambda: coordinator.lag.notes)
        await background.until_signal()


async def open_store(database: str, state_dir: Path, manager: Systemd) -> Store:
    """Open the database, however long that takes; ConfigError if it was moved."""
    refuse_moved(state_dir, database)
    return await manager.wait_for(Store.open(database))


async def start(coordinator: Coordinator, name: str) -> None:
    """Take up where *coordinator* stopped, under the *name* that it has now."""
    await keep_name(coordinator.store, name)
    await coordinator.start()


async def keep_name(store: Store, name: str) -> None:
    """Let the database say whose it is: backups tell it, whoever makes them."""
    if await store.read(lambda: settings.get(settings.NAME)) != name:
        await store.write(lambda: settings.put(settings.NAME, name))


def own_worker(state_dir: Path) -> bytes:
    """Return the key of the worker that this coordinator runs itself."""
    return identity.load_or_create(state_dir / "worker" / "node.key").public_key


def open_ring(given: str, own: Path) -> RingFile:
    """Return the cluster's secrets: those given, kept from then on, or our own.

    A rotation since then stays in force, though the file that is given holds an
    older secret.
    """
    found = RingFile.open(own, given)
    if found is None:
        return RingFile(own, secret_ring.load_or_create(own))
    if given:
        found.replace(found.ring)
    return found


async def advertise(
    advertiser: Advertiser, stack: AsyncExitStack, changed: list[Callable[[], None]]
) -> None:
    """Advertise as soon as this machine can; a coordinator works without.

    *changed* are called when other secrets count.
    """
    changed.append(advertiser.renew)
    stack.push_async_callback(advertiser.close)
    try:
        await advertiser.start()
    except Unreachable as error:
        log.warning("%s; until an interface comes up workers need --join", error)


def local_worker(
    config: NodeConfig, join: str, state_dir: Path, name: str
) -> LocalWorker:
    """Return the coordinator's own worker, not yet running."""
    environment = self_test_environment(config.self_test)
    return LocalWorker(join, state_dir, worker_arguments(config, name), environment)


def self_test_environment(table: SelfTestTable) -> dict[str, str]:
    """Return what tells the coordinator's own worker how to test itself."""
    told = {
        "": table.mode,
        "_INTERVAL": f"{table.interval:g}s",
        "_GATEWAY": table.gateway,
        "_RESOLVER": table.resolver,
        "_NAME": table.name,
    }
    return {f"PANGEA_SELF_TEST{key}": value for key, value in told.items() if value}


def worker_arguments(config: NodeConfig, name: str) -> list[str]:
    """Return what the coordinator's own worker is told on its command line."""
    node = config.node
    arguments = ["--name", name]
    if node.region:
        arguments += ["--region", node.region]
    if node.location:
        arguments += ["--location", f"{node.location[0]},{node.location[1]}"]
    for key, value in node.tags.items():
        arguments += ["--tag", f"{key}={value}"]
    log_options = ["--log-format", config.log.format, "--log-level", config.log.level]
    return arguments + log_options
