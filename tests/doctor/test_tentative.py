"""Addresses that are still being checked: waited for, and named if that lasts."""

import json
import os
import subprocess
import sys

import pytest

from pangea.doctor.tentative import State, _after_the_check, read

TABLE = """\
00000000000000000000000000000001 01 80 10 80       lo
fe800000000000000000000000000001 02 40 20 c0     eth0
fe800000000000000000000000000002 0a 40 20 80     eth1
20010db8000000000000000000000002 0a 40 00 c8     eth1
fe800000000000000000000000000003 0b 40 20 c8     eth2
"""
#: Makes a link whose check of addresses takes long, and asks by IPv6 there.
SCRIPT = """
set -e
ip link add eth0 type veth peer eth1
sysctl -qw net.ipv6.conf.eth0.accept_dad=1 net.ipv6.conf.eth0.dad_transmits=$1
ip link set eth1 up
ip link set eth0 up
exec "$PYTHON" -c '
import json, socket
from pangea.doctor.links import _echo_six
row = _echo_six("eth0", socket.if_nametoindex("eth0"))
print(json.dumps([row.level, row.found, row.next]))'
"""


@pytest.mark.parametrize(
    ("index", "state", "words"),
    [
        (1, State(usable=1), ""),
        (2, State(tentative=1), "still being checked (tentative)"),
        (10, State(usable=1, taken=1), ""),
        (11, State(taken=1), "another machine on the link has the same address"),
        (99, State(), ""),
    ],
)
def test_the_state_is_that_of_the_interface(index, state, words):
    found = read(TABLE, index)
    assert found == state
    assert words in found.trouble
    assert bool(words) == bool(found.trouble)


def test_what_is_no_table_is_refused():
    with pytest.raises(ValueError, match="invalid literal"):
        read("one two three four five six", 1)


def test_it_waits_for_the_end_of_the_check_and_no_longer():
    states = iter([State(tentative=1), State(tentative=1), State(usable=1)])
    assert _after_the_check(lambda: next(states), 5.0) == State(usable=1)
    assert _after_the_check(lambda: State(tentative=1), 0.0) == State(tentative=1)


@pytest.mark.slow
@pytest.mark.netns
@pytest.mark.parametrize(
    ("transmits", "level", "words"),
    [(1, "ok", "heard here"), (60, "warn", "still being checked (tentative)")],
)
def test_an_address_in_its_check_is_waited_for_or_named(transmits, level, words):
    ran = subprocess.run(
        ["unshare", "--net", "sh", "-c", SCRIPT, "sh", str(transmits)],
        env=os.environ | {"PYTHON": sys.executable},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    said, found, _ = json.loads(ran.stdout)
    assert (said, words in found) == (level, True), ran.stdout
