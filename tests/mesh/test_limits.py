"""Who may knock: half-open handshakes and failures, counted by address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.mesh.limits import Doorkeeper, Knock, KnockLimits, source_of


def failures(door, address, count, now=0.0):
    for _ in range(count):
        assert door.knock(address, now) is Knock.COME_IN
        door.leave(address, now, failed=True)


def test_eight_from_an_address_that_has_failed_and_no_more():
    door = Doorkeeper()
    failures(door, "192.0.2.1", 1)
    for _ in range(8):
        assert door.knock("192.0.2.1", 0.0) is Knock.COME_IN
    assert door.knock("192.0.2.1", 0.0) is Knock.TOO_MANY_FROM_THERE
    assert door.knock("192.0.2.2", 0.0) is Knock.COME_IN
    door.leave("192.0.2.1", 0.0, failed=False)
    assert door.knock("192.0.2.1", 0.0) is Knock.COME_IN


def test_128_in_all_and_no_more():
    door = Doorkeeper()
    for n in range(128):
        assert door.knock(f"192.0.2.{n}", 0.0) is Knock.COME_IN
    assert door.knock("198.51.100.1", 0.0) is Knock.TOO_MANY
    door.leave("192.0.2.5", 0.0, failed=False)
    assert door.knock("198.51.100.1", 0.0) is Knock.COME_IN


def test_places_are_kept_for_those_who_have_not_failed():
    door = Doorkeeper()
    for n in range(50):
        failures(door, f"192.0.2.{n}", 1)
    inside = [door.knock(f"192.0.2.{n % 50}", 0.0) for n in range(400)]
    assert inside.count(Knock.COME_IN) == 96
    assert door.knock("198.51.100.1", 0.0) is Knock.COME_IN


def test_who_does_not_listen_to_refusals_floods_for_a_while():
    door = Doorkeeper()
    for _ in range(39):
        door.refused("192.0.2.1", 0.0)
    assert not door.is_flooding("192.0.2.1", 0.0)
    door.refused("192.0.2.1", 0.0)
    assert door.is_flooding("192.0.2.1", 0.0)
    assert not door.is_flooding("192.0.2.2", 0.0)
    assert not door.is_flooding("192.0.2.1", 1.0)


def test_shut_is_who_failed_too_often_and_nobody_else():
    door = Doorkeeper()
    assert not door.is_shut("192.0.2.1", 0.0)
    failures(door, "192.0.2.1", 19)
    assert not door.is_shut("192.0.2.1", 0.0)
    failures(door, "192.0.2.1", 1)
    assert door.is_shut("192.0.2.1", 0.0)
    assert not door.is_shut("192.0.2.1", 0.3)


def test_twenty_failures_shut_the_door_and_it_opens_again():
    door = Doorkeeper()
    failures(door, "192.0.2.1", 20)
    assert door.knock("192.0.2.1", 0.0) is Knock.TOO_MANY_FAILURES
    assert door.knock("192.0.2.2", 0.0) is Knock.COME_IN
    opened = next(n for n in range(1000) if not door.is_shut("192.0.2.1", n / 1000))
    assert 0 < opened <= 201
    assert door.knock("192.0.2.1", opened / 1000) is Knock.COME_IN
    door.leave("192.0.2.1", opened / 1000, failed=True)
    assert door.knock("192.0.2.1", (opened + 198) / 1000) is Knock.TOO_MANY_FAILURES
    assert door.knock("192.0.2.1", (opened + 201) / 1000) is Knock.COME_IN


def test_a_crowd_that_was_shut_out_together_does_not_come_back_together():
    door, sources = Doorkeeper(), [f"192.0.2.{n}" for n in range(1, 51)]
    for source in sources:
        failures(door, source, 20)
    heard = []
    for moment in range(1, 1001):  # each knocks again every millisecond
        heard.append(0)
        for source in sources:
            if door.knock(source, moment / 1000) is Knock.COME_IN:
                door.leave(source, moment / 1000, failed=True)
                heard[-1] += 1
    assert sum(heard) == 50 * 5, "as often as it may"
    assert max(heard) <= 5


def test_success_is_never_punished():
    door = Doorkeeper()
    for _ in range(1000):
        assert door.knock("192.0.2.1", 0.0) is Knock.COME_IN
        door.leave("192.0.2.1", 0.0, failed=False)


def test_hosts_of_one_ipv6_network_count_together():
    door = Doorkeeper()
    for n in range(20):
        failures(door, f"2001:db8::{n:x}", 1)
    assert door.knock("2001:db8::ffff", 0.0) is Knock.TOO_MANY_FAILURES
    assert door.knock("2001:db8:0:1::1", 0.0) is Knock.COME_IN


def test_memory_is_bounded():
    door = Doorkeeper(KnockLimits(remembered=10))
    for n in range(100):
        failures(door, f"192.0.2.{n}", 1)
    assert len(door._failures) == 10
    assert not door._half_open


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "?"),
        ("unix:", "?"),
    ],
)
def test_what_counts_as_one_source(address, source):
    assert source_of(address) == source


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=60))
def test_the_number_of_half_open_handshakes_always_adds_up(events):
    door, open_now = Doorkeeper(), []
    for name, enters in events:
        address = f"192.0.2.{ord(name)}"
        if enters and door.knock(address, 0.0) is Knock.COME_IN:
            open_now.append(address)
        elif not enters and address in open_now:
            open_now.remove(address)
            door.leave(address, 0.0, failed=False)
        assert door.half_open == len(open_now)
        assert len(open_now) <= 128
