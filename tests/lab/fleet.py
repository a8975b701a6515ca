"""The lab's real processes: a coordinator, workers, the target and the relay."""

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.lab import target
from tests.lab.checker import Death
from tests.lab.hosts import COORDINATOR, RELAY, TARGET, Hosts, hosts

ROOT = Path(__file__).parents[2]
PORT, FIRST_WAY = 7464, 7501
#: The state of each node lies in memory, in a file system that can be filled.
STATE_MIB = 48
START_S = 30.0
PATIENCE = 2
#: So long may the coordinator's own worker live on when the coordinator is killed.
CHILD_LEAVES_S = 6.0
INTERVAL = {"interval_s": 1.0, "timeout_s": 1.0}


def now_us() -> int:
    """Return the clock of the lab, which the target and the coordinator share."""
    return time.time_ns() // 1000


def wait_for(what: Callable[[], Any], seconds: float, why: str) -> Any:
    """Return the first true answer of *what*; AssertionError after *seconds*.

    They are those of an idle machine; another gets more.
    """
    until = time.monotonic() + PATIENCE * seconds
    while time.monotonic() < until:
        found = what()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds:g} s: {why}")


class Node:
    """A process of Pangea on one host, with its state in a file system of its own."""

    def __init__(self, fleet: "Fleet", name: str, *arguments: str) -> None:
        self.fleet, self.name, self.arguments = fleet, name, arguments
        self.host = name
        self.state = fleet.place / "state" / name
        self.log = fleet.place / f"{name}.log"
        self.more: dict[str, str] = {}
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def runs(self) -> bool:
        """Whether the process lives."""
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start the process unless it runs."""
        if self.runs:
            return
        words = ("--state-dir", str(self.state), "run", "--log-level", "info")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.fleet.pangea(self.host, *words, *self.arguments),
                cwd="/",
                env=self.fleet.env | self.more,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self) -> None:
        """End the process without a word of warning, and note when."""
        if self.runs:
            self.process.kill()
        self.bury()

    def kill_at(self, call: str, times: int, patience_s: float) -> str:
        """Kill the process as it enters a system call for the n-th time from now.

        If it does not come to that soon enough it is killed anyway; say which.
        """
        inject = f"inject={call}:signal=KILL:when={times}"
        trace = ["strace", "-f", "-q", "-o", os.devnull, "-e", f"trace={call}"]
        tracer = subprocess.Popen(
            [*trace, "-e", inject, "-p", str(self.process.pid)],
            stderr=subprocess.DEVNULL,
        )
        try:
            self.process.wait(patience_s)
            how = f"in {call}"
        except subprocess.TimeoutExpired:
            how = f"by hand, no {call}"
        self.kill()
        tracer.kill()
        tracer.wait()
        return how

    def pause(self) -> None:
        """Stop the process where it stands."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it run on."""
        if self.runs:
            self.process.send_signal(signal.SIGCONT)

    def bury(self) -> None:
        """Wait for the end of a process that was killed, and note when."""
        if self.process is not None:
            asked = now_us()
            self.process.wait(10)
            leave_s = CHILD_LEAVES_S if self is self.fleet.coordinator else 0.0
            ended = now_us() + round(leave_s * 1e6)
            self.fleet.deaths.append(Death(self.host, asked, ended))

    def said(self) -> str:
        """Return what the process has printed so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def fill_disk(self) -> None:
        """Leave no byte on the file system of its state."""
        with (self.state / "ballast").open("ab", 0) as ballast:
            with contextlib.suppress(OSError):
                while True:
                    ballast.write(bytes(65_536))
            with contextlib.suppress(OSError):
                while True:
                    ballast.write(bytes(512))

    def free_disk(self) -> None:
        """Give the room back."""
        (self.state / "ballast").unlink(missing_ok=True)


class Fleet:
    """Everything that runs, with the notes that the checker needs."""

    def __init__(self, place: Path, net: Hosts, source: Path) -> None:
        self.place, self.net, self.source = place, net, source
        self.deaths: list[Death] = []
        self.notebook = place / "target.jsonl"
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PANGEA_")}
        self.env = kept | {
            "PYTHONPATH": str(place / "code"),
            "PYTHONDONTWRITEBYTECODE": "",
            "PANGEA_DISCOVERY": "static",
            "PANGEA_SELF_TEST": "off",
            "PANGEA_CONFIG": os.devnull,
        }
        self.ways = {name: FIRST_WAY + n for n, name in enumerate(net.workers)}
        listen = ("--role", "coordinator", "--listen", f"{COORDINATOR}:{PORT}")
        self.coordinator = Node(self, "coordinator", *listen, "--name", "local")
        self.workers = {name: self._worker(name) for name in net.workers}
        self.relay: subprocess.Popen[str] | None = None
        self.target: subprocess.Popen[str] | None = None

    @property
    def nodes(self) -> list[Node]:
        """The coordinator and the workers."""
        return [self.coordinator, *self.workers.values()]

    def pangea(self, host: str, *words: str) -> list[str]:
        """Return the command that runs `pangea` on *host*."""
        return self.net.command(host, sys.executable, "-m", "pangea", *words)

    def start(self) -> None:
        """Start everything, join the workers and add the jobs."""
        snapshot(self.source, self.place / "code")
        for node in self.nodes:
            _mount(node.state)
        lab = [sys.executable, "-m"]
        notes = (TARGET, str(self.notebook))
        self.target = self._helper("target", *lab, "tests.lab.target", *notes)
        ways = json.dumps(
            [
                {"name": n, "listen": (RELAY, p), "to": (COORDINATOR, PORT)}
                for n, p in self.ways.items()
            ]
        )
        self.relay = self._helper("relay", *lab, "tests.lab.relay", ways)
        self.coordinator.start()
        wait_for(self.ready, START_S, "the coordinator serves")
        self.share_secret()
        for worker in self.workers.values():
            worker.start()
        everybody = {*self.workers, "local"}
        wait_for(lambda: self.connected() >= everybody, START_S, "everybody joins")
        for name, kind, to, options in jobs():
            spec = {"name": name, "type": kind, "target": to, "options": options}
            self.ask("POST", "/jobs", spec | INTERVAL)

    def share_secret(self) -> None:
        """Give every worker the cluster's secret."""
        words = ("--state-dir", str(self.coordinator.state), "secret", "show")
        server = f"http://{COORDINATOR}:{PORT}"
        shown = subprocess.run(
            self.pangea("coordinator", *words, "--server", server),
            cwd="/",
            env=self.env,
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
        secret = self.place / "secret"
        secret.write_text(shown.stdout)
        secret.chmod(0o600)

    def bend(self, way: str, **order: Any) -> None:
        """Order the relay, and wait until it has obeyed."""
        self.relay.stdin.write(json.dumps({"way": way, **order}) + "\n")
        self.relay.stdin.flush()
        self.relay.stdout.readline()

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Return the answer of the API; OSError if there is none."""
        token = (self.coordinator.state / "admin.token").read_text().strip()
        request = urllib.request.Request(
            f"http://{COORDINATOR}:{PORT}/api/v1{path}",
            method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers={
                "Authorization": f"Bearer {token}",
                "Content-Type": "application/json",
            },
        )
        return self.net.call("coordinator", _answer, request)

    def ready(self) -> bool:
        """Tell whether the coordinator serves."""
        try:
            self.ask("GET", "/status")
        except OSError:
            return False
        return True

    def connected(self) -> set[str]:
        """Return the names of the workers that are connected."""
        try:
            items = self.ask("GET", "/workers?limit=500")["items"]
        except OSError:
            return set()
        return {worker["name"] for worker in items if worker["connected"]}

    def kill_child(self) -> str:
        """``kill -9`` of the coordinator's own worker; "" if there was one."""
        pid = self.coordinator.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for child in children:
            os.kill(int(child), signal.SIGKILL)
            self.deaths.append(Death("coordinator", now_us(), now_us()))
        return "" if children else "there was none"

    def verdicts(self) -> dict[str, str]:
        """Return the verdict of every job; none while nobody answers."""
        try:
            items = self.ask("GET", "/jobs?limit=500")["items"]
        except OSError:
            return {}
        return {job["name"]: job["verdict"] for job in items}

    def back_up(self) -> Path:
        """Copy the coordinator's database while it runs."""
        copy = self.place / "backup.db"
        copy.unlink(missing_ok=True)
        closing, database = contextlib.closing, self.coordinator.state / "pangea.db"
        connect = sqlite3.connect
        with closing(connect(database)) as source, closing(connect(copy)) as to:
            source.backup(to)
        return copy

    def restore(self, copy: Path) -> None:
        """Put *copy* in the place of the database of a coordinator that is dead."""
        database = self.coordinator.state / "pangea.db"
        for end in ("-wal", "-shm"):
            database.with_name(database.name + end).unlink(missing_ok=True)
        shutil.copyfile(copy, database)

    def stop(self) -> None:
        """End everything and give the memory back; the logs stay."""
        running = [node.process for node in self.nodes]
        for process in (*running, self.relay, self.target):
            if process is not None:
                process.kill()
                process.wait(10)
        for helper in (self.relay, self.target):
            for pipe in (helper.stdin, helper.stdout) if helper else ():
                pipe.close()
        time.sleep(0.2)  # the coordinator's own worker leaves by itself
        for node in self.nodes:
            _unmount(node.state)

    def _worker(self, name: str) -> Node:
        join = ("--join", f"{RELAY}:{self.ways[name]}")
        key = ("--secret-file", str(self.place / "secret"))
        return Node(self, name, "--role", "worker", "--name", name, *key, *join)

    def _helper(self, host: str, *words: str) -> "subprocess.Popen[str]":
        with (self.place / f"{host}.log").open("ab") as log:
            process = subprocess.Popen(
                self.net.command(host, *words),
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        assert process.stdout.readline() == "ready\n", f"no {host}"
        return process


def jobs() -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Yield name, type, target and options of each job of the lab."""
    for name, port in target.HTTP.items():
        yield name, "http", f"http://{TARGET}:{port}/page", {}
    for name, port in target.TCP.items():
        yield name, "tcp", f"{TARGET}:{port}", {"expect": "220 lab-"}
    for name, port in target.UDP.items():
        yield name, "udp", f"{TARGET}:{port}", {"send": "who"}
    for name, port in target.DNS.items():
        yield name, "dns", "lab.test", {"type": "TXT", "resolver": f"{TARGET}:{port}"}


def snapshot(source: Path, to: Path) -> None:
    """Copy Pangea as a wheel would install it: what is edited meanwhile is not run."""
    only = shutil.ignore_patterns("__pycache__")
    for folder, name in (("pangea", "."), ("cli", "cli"), ("web_assets", "web_assets")):
        shutil.copytree(source / folder, to / "pangea" / name, ignore=only)


@contextmanager
def fleet(place: Path, *workers: str, source: Path = ROOT) -> Iterator[Fleet]:
    """Yield a fleet that is not started; it is gone with the block.

    *source* is the checkout whose Pangea runs.
    """
    place.mkdir(parents=True, exist_ok=True)
    with hosts(*workers) as net:
        made = Fleet(place, net, source)
        try:
            yield made
        finally:
            made.stop()


def _answer(request: urllib.request.Request) -> Any:
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def _mount(place: Path) -> None:
    place.mkdir(parents=True)
    words = ["-o", f"size={STATE_MIB}m,mode=0700", "tmpfs", str(place)]
    subprocess.run(["mount", "-t", "tmpfs", *words], check=True, timeout=10)


def _unmount(place: Path) -> None:
    if place.is_mount():
        subprocess.run(["umount", "-l", str(place)], check=False, timeout=10)
