"""Real datagrams to a socket as systemd would have it."""

import asyncio
import itertools
import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from pangea.core.errors import ConfigError
from pangea.systemd import Systemd


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
        link.bind(str(tmp_path / "notify"))
        link.settimeout(2)
        yield link


def told(manager: socket.socket) -> str:
    return manager.recv(4096).decode()


def claimed(manager: socket.socket, **more: str) -> Systemd:
    return Systemd.claim({"NOTIFY_SOCKET": manager.getsockname(), **more})


def test_it_says_that_we_are_ready_and_that_we_go(manager: socket.socket) -> None:
    ours = claimed(manager)
    ours.ready("serving on 127.0.0.1:7464")
    assert told(manager) == "READY=1\nSTATUS=serving on 127.0.0.1:7464"
    ours.stopping()
    assert told(manager) == "STOPPING=1"


def test_a_name_in_the_abstract_space_is_reached() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
        link.bind(f"\0pangea-{os.getpid()}")
        link.settimeout(2)
        name = f"@pangea-{os.getpid()}"
        Systemd.claim({"NOTIFY_SOCKET": name}).ready("")
        assert told(link).startswith("READY=1")


def test_no_child_can_speak_in_our_name(manager: socket.socket) -> None:
    environment = {"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "1", "PATH": "/bin"}
    Systemd.claim(environment)
    assert environment == {"PATH": "/bin"}


def test_without_a_manager_nothing_is_told() -> None:
    Systemd.claim({}).ready("nobody hears it")


async def test_a_long_start_asks_for_more_time(
    manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pangea.systemd.ASK_S", 0.02)
    ours = claimed(manager)
    assert await ours.wait_for(asyncio.sleep(0.05, "opened")) == "opened"
    assert told(manager) == "EXTEND_TIMEOUT_USEC=90000000"
    assert told(manager) == "EXTEND_TIMEOUT_USEC=90000000"


async def test_a_start_that_is_short_or_fails_asks_for_nothing(
    manager: socket.socket,
) -> None:
    async def refused() -> None:
        raise ConfigError("it is in use")

    ours = claimed(manager)
    assert await ours.wait_for(asyncio.sleep(0, 7)) == 7
    with pytest.raises(ConfigError, match="in use"):
        await ours.wait_for(refused())
    ours.stopping()
    assert told(manager) == "STOPPING=1"


async def test_who_stops_waiting_stops_the_work(manager: socket.socket) -> None:
    gone = asyncio.Event()

    async def opening() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            gone.set()

    with suppress(TimeoutError):
        async with asyncio.timeout(0.05):
            await claimed(manager).wait_for(opening())
    async with asyncio.timeout(20):
        await gone.wait()


async def test_the_watchdog_is_fed_while_the_work_goes_on(
    manager: socket.socket,
) -> None:
    ours = claimed(manager, WATCHDOG_USEC="30000", WATCHDOG_PID=str(os.getpid()))
    fed = asyncio.create_task(ours.feed(itertools.count().__next__))
    for _ in range(3):
        assert await asyncio.to_thread(told, manager) == "WATCHDOG=1"
    fed.cancel()


async def test_the_watchdog_starves_when_the_work_stands(
    manager: socket.socket,
) -> None:
    ours = claimed(manager, WATCHDOG_USEC="30000")
    fed = asyncio.create_task(ours.feed(lambda: 7))
    assert await asyncio.to_thread(told, manager) == "WATCHDOG=1"
    manager.settimeout(0.15)
    with pytest.raises(TimeoutError):
        await asyncio.to_thread(told, manager)
    fed.cancel()
    with suppress(asyncio.CancelledError):
        await fed


def test_a_watchdog_for_another_process_is_none(manager: socket.socket) -> None:
    ours = claimed(manager, WATCHDOG_USEC="30000", WATCHDOG_PID="1")
    assert ours.every_s == 0
