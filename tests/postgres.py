"""A PostgreSQL server of the tests' own, in a directory that goes with it."""

import contextlib
import functools
import glob
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from itertools import count
from pathlib import Path
from urllib.parse import quote

from tests.ports import free_port

#: Fast, because nothing outlives the tests; all else is as it comes.
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "40",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "listen_addresses": "127.0.0.1",
    "logging_collector": "off",
    "log_min_messages": "warning",
}
#: What takes little room.
SMALL = {"min_wal_size": "32MB", "max_wal_size": "48MB"}
PASSWORD = "p@ss/w:rd"
#: By the socket all may log in, by TCP those who know the password.
HBA = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n"


@functools.cache
def programs() -> Path | None:
    """Return where the server's programs are, the newest ones."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    places = glob.glob("/usr/lib/postgresql/*/bin/initdb")
    newest = max(places, key=lambda place: float(place.split("/")[4]), default=None)
    return Path(newest).parent if newest else None


def has_postgres() -> bool:
    """Return whether there are a server and a driver."""
    with contextlib.suppress(ImportError):
        import psycopg  # noqa: F401

        return programs() is not None
    return False


class Server:
    """A server; ``url`` names a database on it."""

    def __init__(self, **settings):
        self.place = Path(tempfile.mkdtemp(prefix="pangea-pg-", dir="/tmp"))
        #: Where its data are, as seen from here.
        self.data = self.place / "data"
        self.user = self._user()
        self._numbers = count(1)
        self.port = free_port()
        self._settings = SETTINGS | settings
        self._initialise()
        self.start()

    def url(self, name="postgres", *, tcp=False, user="tester", password=PASSWORD):
        """Return the URL of a database, by the socket, or by TCP with a password."""
        if tcp:
            login = f"{user}:{quote(password, safe='')}"
            return f"postgresql://{login}@127.0.0.1:{self.port}/{name}"
        return f"postgresql://{user}@/{name}?host={self.place}&port={self.port}"

    def sql(self, *statements, name="postgres"):
        """Run statements, each on its own; return the rows of the last."""
        import psycopg

        with psycopg.connect(self.url(name), autocommit=True) as link:
            for statement in statements:
                done = link.execute(statement)
            return done.fetchall() if done.description else []

    def fresh(self, template="template0"):
        """Return the name of a new database."""
        name = f"t{next(self._numbers)}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, name):
        """Remove a database and end who uses it."""
        self.sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def start(self):
        """Start, and wait until it answers."""
        options = [f"-c{name}={value}" for name, value in self._settings.items()]
        log = (self.place / "log").open("ab")
        self.process = self._popen(
            [programs() / "postgres", "-D", self.place / "data", *options],
            stdout=log,
            stderr=log,
        )
        log.close()
        until = time.monotonic() + 30
        while self._run("pg_isready", "-h", self.place, "-p", self.port):
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError((self.place / "log").read_text())
            time.sleep(0.05)

    def stop(self, how=signal.SIGINT):
        """Stop: SIGINT ends all sessions, SIGQUIT is as if the machine had stopped."""
        self.process.send_signal(how)
        self.process.wait(20)

    def close(self):
        """Stop for good and leave nothing behind."""
        if self.process.poll() is None:
            self.stop(signal.SIGQUIT)
        shutil.rmtree(self.place, ignore_errors=True)

    def _initialise(self):
        if self.user:
            shutil.chown(self.place, self.user)
        secret = self.place / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        done = self._popen(
            [programs() / "initdb", "-D", self.place / "data", "-U", "tester", "-N",
             "-E", "UTF8", "--locale=C", "-A", "scram-sha-256", f"--pwfile={secret}"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        told = done.communicate(timeout=60)[0]
        if done.returncode:
            raise RuntimeError(told.decode())
        (self.data / "pg_hba.conf").write_text(HBA)
        self._settings["port"] = str(self.port)
        self._settings["unix_socket_directories"] = str(self.place)

    def _popen(self, command, **more):
        if self.user:
            more |= {"user": self.user, "group": self.user, "extra_groups": []}
        return subprocess.Popen([str(c) for c in command], cwd=self.place, **more)

    def _run(self, program, *arguments):
        command = [str(programs() / program), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, check=False).returncode

    @staticmethod
    def _user():
        """Return as whom the server runs: it refuses to run as root."""
        if os.geteuid() != 0:
            return None
        names = {one.pw_name for one in pwd.getpwall()}
        return "postgres" if "postgres" in names else "nobody"


class OnSmallDisk(Server):
    """A server whose data lie on a small disk of their own; needs root."""

    def __init__(self, megabytes, **settings):
        self._megabytes = megabytes
        super().__init__(**SMALL | settings)

    def close(self):
        """Stop for good; the disk goes with the one who holds it."""
        super().close()
        self._holder.kill()
        self._holder.wait(10)
        self._holder.stdout.close()

    def _initialise(self):
        place = self.place / "data"
        place.mkdir()
        size = f"size={self._megabytes}m,mode=700,uid={self._id[0]},gid={self._id[1]}"
        mount = f'mount -t tmpfs -o {size} tmpfs "$0" && echo there && exec sleep 600'
        self._holder = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", mount, str(place)],
            stdout=subprocess.PIPE,
        )
        assert self._holder.stdout.readline() == b"there\n"
        self.data = Path(f"/proc/{self._holder.pid}/root{place}")
        super()._initialise()

    @property
    def _id(self):
        found = pwd.getpwnam(self.user)
        return found.pw_uid, found.pw_gid

    def _popen(self, command, **more):
        uid, gid = map(str, self._id)
        pid = str(self._holder.pid)
        within = ["nsenter", "-t", pid, "-m", "--setgid", gid, "--setuid", uid]
        return subprocess.Popen([*within, *map(str, command)], **more)
