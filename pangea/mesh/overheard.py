"""What is said on the link of coordinators of our cluster, whoever says it.

A liar can repeat a true advertisement with an address of his own. mDNS would let the
last word count, so the liar who speaks most wins. Here every word counts: all that
was said of an instance is put together, and the instance is asked once more, in a way
that nobody can have answered before (without known answers, RFC 6762, 7.1).
"""

from collections.abc import Callable, Iterable, Iterator
from ipaddress import IPv6Address, ip_address

from zeroconf import RecordUpdate, RecordUpdateListener, Zeroconf

# The top of the package has these too, but does not say that they are to be used.
from zeroconf._dns import DNSAddress, DNSQuestion, DNSRecord, DNSService, DNSText
from zeroconf._protocol.outgoing import DNSOutgoing

from pangea.mesh.advert import instance_of

#: Instances of our cluster that are followed, and places that are taken of each.
MAX_INSTANCES = 16
MAX_PLACES = 8
_QUERY, _IN = 0, 1
_A, _SRV, _AAAA = 1, 33, 28

Properties = dict[bytes, bytes | None]
#: Is this the TXT record of an instance of ours?
Ours = Callable[[Properties, str], bool]
#: Takes addresses and a port.
Found = Callable[[list[str], int], None]


class Overheard(RecordUpdateListener):
    """Calls *found* for each place that an instance of *ours* was said to have."""

    def __init__(self, zeroconf: Zeroconf, ours: Ours, found: Found) -> None:
        self._zeroconf = zeroconf
        self._ours = ours
        self._found = found
        self._asked: set[str] = set()
        self._homeless: dict[str, str] = {}
        self._known: dict[str, None] = {}

    def again(self) -> None:
        """Tell anew what is known, and ask anew."""
        self._asked.clear()
        for name in list(self._known):
            self._put_together(name, ())

    def async_update_records(
        self, zc: Zeroconf, now: float, records: list[RecordUpdate]
    ) -> None:
        """Called by zeroconf with the records of one packet."""
        # A goodbye is not heard: it may be anybody's.
        said = [update.new for update in records if update.new.ttl]
        names = {r.name for r in said if isinstance(r, DNSService | DNSText)}
        hosts = {r.name.lower() for r in said if isinstance(r, DNSAddress)}
        names |= {self._homeless[host] for host in hosts & self._homeless.keys()}
        for name in names:
            self._put_together(name, said)

    def _put_together(self, name: str, said: Iterable[DNSRecord]) -> None:
        instance = instance_of(name)
        if instance is None:
            return
        records = list(self._of(name, said))
        texts = {r.text for r in records if isinstance(r, DNSText)}
        if not any(self._ours(properties_of(text), instance) for text in texts):
            return
        if len(self._known) < MAX_INSTANCES:
            self._known[name] = None
        self._ask(name, _SRV)
        services = {
            (r.server.lower(), r.port): r for r in records if isinstance(r, DNSService)
        }
        for host, port in list(services)[:MAX_PLACES]:
            addresses = [*dict.fromkeys(_addresses(self._of(host, said)))]
            if addresses:
                self._found(addresses, port)
            elif len(self._homeless) < MAX_INSTANCES:
                # Rare: an honest advert comes whole, in one packet.
                self._homeless[host] = name
                self._ask(host, _A, _AAAA)

    def _of(self, name: str, said: Iterable[DNSRecord]) -> Iterator[DNSRecord]:
        """Yield what was just *said* of *name*, then what was said before."""
        wanted = name.lower()
        yield from (r for r in said if r.name.lower() == wanted)
        yield from self._zeroconf.cache.async_entries_with_name(wanted)

    def _ask(self, name: str, *kinds: int) -> None:
        """Ask for *name*, once until ``again``."""
        if name in self._asked or len(self._asked) >= 2 * MAX_INSTANCES:
            return
        self._asked.add(name)
        out = DNSOutgoing(_QUERY)
        for kind in kinds:
            out.add_question(DNSQuestion(name, kind, _IN))
        self._zeroconf.async_send(out)


def properties_of(text: bytes) -> Properties:
    """Return what a TXT record says (RFC 6763, 6.3); the first of a key counts."""
    found: Properties = {}
    at = 0
    while at < len(text):
        part = text[at + 1 : at + 1 + text[at]]
        key, equals, value = part.partition(b"=")
        found.setdefault(key, value if equals else None)
        at += 1 + text[at]
    return found


def _addresses(records: Iterable[DNSRecord]) -> Iterator[str]:
    for record in records:
        if not isinstance(record, DNSAddress):
            continue
        try:
            address = ip_address(record.address)
        except ValueError:
            continue
        local = isinstance(address, IPv6Address) and address.is_link_local
        yield (
            f"{address}%{record.scope_id}"
            if local and record.scope_id
            else str(address)
        )
