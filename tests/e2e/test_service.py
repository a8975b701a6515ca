"""The package's units under a real systemd: ready, watched, restarted, upgraded.

The tests are one life of one system, in their order.
"""

import time
from collections.abc import Iterator

import pytest

from tests.e2e.booted import Booted
from tests.e2e.frozen import made
from tests.needs import need

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.alone,
    pytest.mark.timeout(700),
]

UNIT = "pangea-coordinator.service"
#: So that nobody waits for a minute; no test talks to a network.
QUICK = """
[Service]
Environment=PANGEA_DISCOVERY=static PANGEA_SELF_TEST=off
WatchdogSec=6
TimeoutAbortSec=1
RestartSec=200ms
"""
WAIT_S = 60


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Booted]:
    """A systemd with the package installed, and nothing started."""
    need("netns", "systemd-analyze")
    package = made("deb", "pangea_*.deb")
    booted = Booted(tmp_path_factory.mktemp("booted"), package)
    try:
        booted.wait()
        does(booted, "dpkg --no-triggers -i /pangea.deb")
        for unit in (UNIT, "pangea-worker@.service"):
            folder = f"/etc/systemd/system/{unit}.d"
            does(booted, f"mkdir -p {folder}; echo '{QUICK}' >{folder}/quick.conf")
        does(booted, "systemctl daemon-reload")
        yield booted
    finally:
        booted.close()


def does(system: Booted, script: str) -> str:
    """Return what *script* prints; it must end with 0."""
    code, said = system.run("sh", "-e", "-c", script)
    assert code == 0, f"{script}: {said}\n{journal(system)}"
    return said


def journal(system: Booted) -> str:
    return system.run("journalctl", "--no-pager", "-n", "40", "-o", "cat")[1]


def shown(system: Booted, name: str, unit: str = UNIT) -> str:
    return system.run("systemctl", "show", "--value", "-p", name, unit)[1]


def until(system: Booted, name: str, wanted: str, unit: str = UNIT) -> None:
    end = time.monotonic() + WAIT_S
    while (found := shown(system, name, unit)) != wanted:
        told = f"{name} is {found}, not {wanted}\n{journal(system)}"
        assert time.monotonic() < end, told
        time.sleep(0.2)


def test_nothing_is_started_by_itself(system: Booted) -> None:
    assert shown(system, "ActiveState") == "inactive"
    assert shown(system, "UnitFileState") == "disabled"


def test_it_is_started_when_it_serves(system: Booted) -> None:
    does(system, f"systemctl start {UNIT}")
    assert shown(system, "ActiveState") == "active"
    assert shown(system, "StatusText").startswith("serving on ")
    assert "log in" in journal(system)


def test_a_worker_of_a_token_is_a_service_as_well(system: Booted) -> None:
    as_pangea = "runuser -u pangea -- pangea --state-dir /var/lib/pangea"
    token = does(system, f"{as_pangea} --quiet worker token").split()[-1]
    config = f'[mesh]\njoin = ["{token}"]\n'
    place = "/etc/pangea/worker-nyc.toml"
    does(system, f"echo '{config}' >{place}; chown root:pangea {place}")
    does(system, f"chmod 0640 {place}; systemctl start pangea-worker@nyc")
    end, listed = time.monotonic() + WAIT_S, ""
    while "nyc" not in listed:
        listed = does(system, f"{as_pangea} --quiet worker list")
        assert time.monotonic() < end, f"{listed}\n{journal(system)}"


def test_one_that_hangs_is_ended_by_the_watchdog_and_begins_anew(
    system: Booted,
) -> None:
    before = shown(system, "WatchdogTimestampMonotonic")
    end = time.monotonic() + WAIT_S
    while shown(system, "WatchdogTimestampMonotonic") == before:
        assert time.monotonic() < end, "the watchdog is not fed"
        time.sleep(0.2)
    assert shown(system, "NRestarts") == "0"
    does(system, f"kill -STOP {shown(system, 'MainPID')}")
    until(system, "NRestarts", "1")
    until(system, "ActiveState", "active")


def test_a_configuration_that_needs_a_person_is_not_tried_again(
    system: Booted,
) -> None:
    place = "/etc/pangea/worker-bad.toml"
    does(system, f"echo 'nonsense = 1' >{place}; chmod 0644 {place}")
    code, _ = system.run("systemctl", "start", "pangea-worker@bad")
    assert code != 0
    unit = "pangea-worker@bad.service"
    assert shown(system, "ExecMainStatus", unit) == "78"
    time.sleep(1)
    assert shown(system, "ActiveState", unit) == "failed"
    assert shown(system, "NRestarts", unit) == "0"


def test_an_upgrade_restarts_what_runs_and_a_purge_ends_all(system: Booted) -> None:
    before = shown(system, "MainPID")
    does(system, f"systemctl enable {UNIT} pangea-worker@nyc")
    does(system, "dpkg --no-triggers -i /pangea.deb")
    until(system, "ActiveState", "active")
    assert shown(system, "MainPID") not in ("0", before)
    until(system, "ActiveState", "active", "pangea-worker@nyc.service")
    does(system, "dpkg --no-triggers -P pangea")
    assert system.run("pgrep", "-x", "pangea")[0] == 1
    does(system, "! test -e /etc/pangea && ! test -e /var/lib/pangea")
    left = does(system, "find /etc/systemd/system /usr/lib -name '*pangea*.service'")
    assert left == ""
