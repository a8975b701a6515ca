"""Every word on the link counts: no liar drowns the true one out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zeroconf import RecordUpdate
from zeroconf._dns import DNSAddress, DNSService, DNSText

from pangea.mesh.advert import SERVICE_TYPE
from pangea.mesh.overheard import MAX_INSTANCES, Overheard, properties_of

A, TXT, SRV, UNIQUE, TTL = 1, 16, 33, 0x8001, 4500
NAME = f"p-aaaaaaaa.{SERVICE_TYPE}"
RIGHT = b"\x06t=true"


class Cache:
    def __init__(self):
        self.entries = {}

    def async_entries_with_name(self, name):
        return self.entries.get(name.lower(), [])


class Link:
    """Stands where zeroconf is: a cache, and what was asked."""

    def __init__(self):
        self.cache = Cache()
        self.asked = []

    def async_send(self, out):
        self.asked += [(q.name, q.type) for q in out.questions]


@pytest.fixture
def link():
    return Link()


@pytest.fixture
def found():
    return []


@pytest.fixture
def ear(link, found):
    return Overheard(
        link,
        lambda properties, instance: properties.get(b"t") == b"true",
        lambda addresses, port: found.append((tuple(addresses), port)),
    )


def say(ear, *records):
    """Let one packet arrive; as in zeroconf, the cache has it afterwards."""
    ear.async_update_records(
        ear._zeroconf, 0.0, [RecordUpdate(r, None) for r in records]
    )
    for record in records:
        kept = ear._zeroconf.cache.entries.setdefault(record.name.lower(), [])
        kept.append(record)


def service(host, port, name=NAME, ttl=TTL):
    return DNSService(name, SRV, UNIQUE, ttl, 0, 0, port, host)


def text(raw=RIGHT, name=NAME):
    return DNSText(name, TXT, UNIQUE, TTL, raw)


def at(host, address):
    return DNSAddress(host, A, UNIQUE, TTL, bytes(map(int, address.split("."))))


def test_an_advert_in_one_packet_is_found(ear, found):
    say(ear, service("h.local.", 7464), text(), at("h.local.", "10.0.0.1"))
    assert found == [(("10.0.0.1",), 7464)]


def test_an_advert_in_pieces_is_put_together(ear, found, link):
    say(ear, text())
    say(ear, service("h.local.", 7464))
    assert ("h.local.", A) in link.asked
    say(ear, at("h.local.", "10.0.0.1"))
    assert found == [(("10.0.0.1",), 7464)]


def test_a_copy_with_another_address_does_not_hide_the_true_one(ear, found):
    say(ear, service("liar.local.", 7464), text(), at("liar.local.", "10.0.0.66"))
    say(ear, service("h.local.", 7464), text(), at("h.local.", "10.0.0.1"))
    assert (("10.0.0.1",), 7464) in found
    assert (("10.0.0.66",), 7464) in found


def test_an_instance_is_asked_itself_and_only_once(ear, link):
    for _ in range(5):
        say(ear, service("h.local.", 7464), text(), at("h.local.", "10.0.0.1"))
    assert link.asked == [(NAME, SRV)]
    ear.again()
    assert link.asked == [(NAME, SRV)] * 2


def test_a_foreign_tag_is_nothing(ear, found, link):
    say(
        ear, service("h.local.", 7464), text(b"\x07t=false"), at("h.local.", "10.0.0.1")
    )
    assert (found, link.asked) == ([], [])


def test_a_goodbye_is_not_heard(ear, found):
    say(ear, service("h.local.", 7464), text(), at("h.local.", "10.0.0.1"))
    found.clear()
    say(ear, service("h.local.", 7464, ttl=0))
    ear.again()
    assert (("10.0.0.1",), 7464) in found


def test_a_flood_of_instances_is_bounded(ear, link):
    for number in range(500):
        name = "p-" + "".join("abcdefgh"[int(d)] for d in f"{number:08o}")
        say(ear, service("h.local.", 7464, f"{name}.{SERVICE_TYPE}"),
            text(name=f"{name}.{SERVICE_TYPE}"))  # fmt: skip
    assert len(ear._known) == MAX_INSTANCES
    assert len(link.asked) <= 4 * MAX_INSTANCES


def test_the_first_of_a_key_counts():
    assert properties_of(b"\x03v=1\x03v=2\x01r\x00") == {
        b"v": b"1",
        b"r": None,
        b"": None,
    }


@given(st.binary(max_size=600))
def test_any_text_record_can_be_read(raw):
    properties_of(raw)
