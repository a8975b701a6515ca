"""A systemd of its own that manages a copy of this machine, in namespaces.

The copy is an overlay that is gone with it; its network is loopback alone. What could
reach the machine through the kernel (clock, modules, sysctl, devices) is out of reach.
"""

import os
import pty
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

STARTS_S = 30
SPACES = ("--mount", "--pid", "--uts", "--ipc", "--net", "--root", "--wd")
APART = (*SPACES[:5], "--cgroup", "--fork", "--kill-child")
CGROUPS = Path("/sys/fs/cgroup")
#: Units that would be about the machine and not about the copy.
MASKED = """
    apparmor.service dev-hugepages.mount dev-mqueue.mount kmod-static-nodes.service
    ldconfig.service proc-sys-fs-binfmt_misc.automount sys-fs-fuse-connections.mount
    sys-kernel-config.mount sys-kernel-debug.mount sys-kernel-tracing.mount
    systemd-binfmt.service systemd-firstboot.service systemd-hwdb-update.service
    systemd-machine-id-commit.service systemd-modules-load.service
    systemd-random-seed.service systemd-remount-fs.service systemd-sysctl.service
    systemd-sysusers.service systemd-timesyncd.service systemd-udev-trigger.service
    systemd-udevd-control.socket systemd-udevd-kernel.socket systemd-udevd.service
"""
BOOT = """
mount --make-rprivate /
mount -t tmpfs none "$PLACE"
mkdir "$PLACE/upper" "$PLACE/work" "$PLACE/root"
root=$PLACE/root
mount -t overlay none "$root" \
    -o "lowerdir=/,upperdir=$PLACE/upper,workdir=$PLACE/work"
mount -t proc none "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs -o ro none "$root/sys"
if [ -d /sys/fs/cgroup/systemd ]; then
    mount -t tmpfs -o mode=755 none "$root/sys/fs/cgroup"
    mkdir "$root/sys/fs/cgroup/systemd"
    mount -t cgroup -o none,name=systemd none "$root/sys/fs/cgroup/systemd"
else
    mount -t cgroup2 none "$root/sys/fs/cgroup"
fi
mount -t tmpfs -o mode=755 none "$root/dev"
for name in null zero full random urandom tty; do
    touch "$root/dev/$name"
    mount --bind "/dev/$name" "$root/dev/$name"
done
touch "$root/dev/console"
mount --bind "$CONSOLE" "$root/dev/console"
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 none "$root/dev/pts"
mount -t tmpfs none "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
mount -t tmpfs -o mode=755 none "$root/run"
mount -t tmpfs -o mode=1777 none "$root/tmp"
ip link set lo up
for unit in $MASKED; do ln -sf /dev/null "$root/etc/systemd/system/$unit"; done
: >"$root/etc/fstab"
cp "$PACKAGE" "$root/pangea.deb"
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    setpriv --bounding-set=-sys_time,-sys_module,-syslog,-sys_rawio,-sys_boot \
    chroot "$root" /lib/systemd/systemd --system --show-status=1 --unit=basic.target
"""


class Booted:
    """A running systemd; ``run`` runs a command beside it."""

    def __init__(self, place: Path, package: Path) -> None:
        self._trees = [
            tree / f"pangea-test-{os.getpid()}"
            for tree in (CGROUPS / "systemd", CGROUPS / "unified", CGROUPS)
            if (tree / "cgroup.procs").exists()
        ]
        for tree in self._trees:
            tree.mkdir(exist_ok=True)
        self._said = b""
        self._console, theirs = pty.openpty()
        threading.Thread(target=self._read, daemon=True).start()
        self._process = subprocess.Popen(
            ["unshare", *APART, "sh", "-e", "-c", BOOT],
            env={
                "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                "PLACE": str(place),
                "PACKAGE": str(package),
                "CONSOLE": os.ttyname(theirs),
                "MASKED": " ".join(MASKED.split()),
            },
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
            preexec_fn=self._enter,
            start_new_session=True,
        )
        os.close(theirs)
        self._first = 0

    def wait(self) -> None:
        """Wait until it manages; fail with the end of its console if it does not."""
        until = time.monotonic() + STARTS_S
        while time.monotonic() < until and self._process.poll() is None:
            found = _children(self._process.pid)
            self._first = found[0] if found else 0
            if self._first and self.run("systemctl", "is-active", "basic.target") == (
                0,
                "active",
            ):
                return
            time.sleep(0.2)
        told = self._said.decode(errors="replace")[-2000:]
        pytest.fail(f"systemd does not start in namespaces here: {told}")

    def run(self, *command: str) -> tuple[int, str]:
        """Run *command* in the copy; return its exit code and what it printed."""
        ran = subprocess.run(
            ["nsenter", "--target", str(self._first), *SPACES, "--", *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=120,
            check=False,
        )
        return ran.returncode, ran.stdout.strip()

    def close(self) -> None:
        """End it and all that it runs."""
        if self._first:
            os.kill(self._first, signal.SIGKILL)  # and with it all of its namespace
        self._process.kill()
        self._process.wait(20)
        os.close(self._console)
        for tree in self._trees:
            folders = sorted(tree.rglob("*/"), reverse=True)
            for folder in [*(f for f in folders if f.is_dir()), tree]:
                _remove(folder)

    def _enter(self) -> None:
        for tree in self._trees:
            (tree / "cgroup.procs").write_text(str(os.getpid()))

    def _read(self) -> None:
        try:
            while said := os.read(self._console, 4096):
                self._said = (self._said + said)[-20_000:]
        except OSError:
            pass  # closed


def _children(pid: int) -> list[int]:
    try:
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [int(one) for one in found]


def _remove(folder: Path) -> None:
    """Remove a group, whose last process may be about to end."""
    for _ in range(50):
        try:
            folder.rmdir()
        except OSError:
            time.sleep(0.1)
        else:
            return
