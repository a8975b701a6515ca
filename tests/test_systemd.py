"""Real datagrams to a socket as systemd would have it."""

import asyncio
import itertools
import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

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
