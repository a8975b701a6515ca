"""Finding the coordinator by DNS: SRV records of ``_pangea._tcp`` (RFC 2782).

A name server may lie, so its answers are hints as adverts are: few are taken, none
of them leads to the services of others, and who answers there has to prove itself.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from ipaddress import ip_address

import dns.asyncresolver
import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver
from dns.rdatatype import AAAA, SRV, A
from dns.rdtypes.IN.A import A as Address4
from dns.rdtypes.IN.AAAA import AAAA as Address6
from dns.rdtypes.IN.SRV import SRV as ServiceRecord

from pangea.core.errors import Unreachable
from pangea.core.text import safe_text
from pangea.mesh.advert import LOWEST_PORT

SERVICE = "_pangea._tcp"
MAX_CANDIDATES = 16
MAX_DOMAINS = 3
MAX_TARGETS = 8
_ADDRESSES_EACH = 4
#: For one question with all its repeats, and for everything together.
QUESTION_S = 2.0
ALL_S = 6.0
#: A name server is asked again after so long, however often somebody looks.
AGAIN_S = 10.0

Candidate = tuple[str, int]


class ServiceRecords:
    """Looks in *domain* ("": the machine's search domains) for coordinators.

    *resolver* is the machine's if none is given; *monotonic* counts seconds.
    """

    def __init__(
        self,
        domain: str,
        monotonic: Callable[[], float],
        resolver: dns.asyncresolver.Resolver | None = None,
    ) -> None:
        self._domain = domain
        self._monotonic = monotonic
        self._resolver = resolver
        self._found: list[Candidate] = []
        self._again = 0.0

    async def look_up(self) -> list[Candidate]:
        """Return at most 16 (address, port), the best first.

        Raises `Unreachable` if this machine names no resolver or no domain.
        """
        if self._monotonic() >= self._again:
            self._again = self._monotonic() + AGAIN_S
            self._found = []
            resolver = self._resolver or system_resolver()
            names = service_names(self._domain, resolver.search, resolver.domain)
            try:
                async with asyncio.timeout(ALL_S):
                    await self._collect(resolver, names)
            except TimeoutError:
                pass  # what came so far is better than nothing
        return list(self._found)

    async def _collect(
        self, resolver: dns.asyncresolver.Resolver, names: Sequence[dns.name.Name]
    ) -> None:
        for name in names:
            answer = await _ask(resolver, name, SRV)
            if answer is None or answer.rrset is None:
                continue
            # By priority, and at random by weight among equals.
            for record in answer.rrset.processing_order()[:MAX_TARGETS]:
                if not isinstance(record, ServiceRecord) or _useless(record):
                    continue
                for address in await _addresses(resolver, record.target):
                    self._add((address, record.port))

    def _add(self, candidate: Candidate) -> None:
        if len(self._found) < MAX_CANDIDATES and candidate not in self._found:
            self._found.append(candidate)


def _useless(record: ServiceRecord) -> bool:
    """Tell whether there is nothing to try; "." means that there is no service."""
    return record.port < LOWEST_PORT or len(record.target) < 2


def system_resolver() -> dns.asyncresolver.Resolver:
    """Return the resolver of this machine; `Unreachable` if it has none."""
    try:
        return dns.asyncresolver.Resolver()
    except (dns.exception.DNSException, OSError, ValueError) as error:
        raise Unreachable(
            f"no resolver on this machine: {safe_text(error)}",
            hint="name the coordinator with --join HOST[:PORT]",
        ) from error


def service_names(
    domain: str, search: Sequence[dns.name.Name], own: dns.name.Name | None
) -> list[dns.name.Name]:
    """Return the at most three names to ask for; `Unreachable` if there is none."""
    try:
        given = (
            [dns.name.from_text(domain)] if domain else [*search, *filter(None, [own])]
        )
        service = dns.name.from_text(SERVICE, None)
        # The root says nothing about where we are.
        names = [service.concatenate(d) for d in dict.fromkeys(given) if len(d) > 1]
    except (dns.exception.DNSException, UnicodeError) as error:
        raise Unreachable(f"{safe_text(domain, 80)} is no domain") from error
    if not names:
        raise Unreachable(
            "this machine has no search domain to look for coordinators in",
            hint="set dns_domain under [mesh]",
        )
    return names[:MAX_DOMAINS]


async def _addresses(
    resolver: dns.asyncresolver.Resolver, target: dns.name.Name
) -> list[str]:
    """Return the few addresses of *target* that could be a coordinator's."""
    answers = await asyncio.gather(
        *(_ask(resolver, target, kind) for kind in (A, AAAA))
    )
    found = [
        record.address
        for answer in answers
        if answer is not None and answer.rrset is not None
        for record in answer.rrset
        if isinstance(record, Address4 | Address6)
    ]
    return [*_fit(found)][:_ADDRESSES_EACH]


def _fit(addresses: Iterable[str]) -> Iterable[str]:
    """Yield those to which something may be sent because a name server says so."""
    for text in addresses:
        address = ip_address(text)
        if not (
            address.is_loopback
            or address.is_multicast
            or address.is_unspecified
            or address.is_link_local
            or address.is_reserved
        ):
            yield text


async def _ask(
    resolver: dns.asyncresolver.Resolver,
    name: dns.name.Name,
    kind: dns.rdatatype.RdataType,
) -> dns.resolver.Answer | None:
    try:
        return await resolver.resolve(
            name, kind, lifetime=QUESTION_S, search=False, raise_on_no_answer=False
        )
    except (dns.exception.DNSException, OSError, EOFError):
        return None  # no such name, no answer, or nonsense: nothing is found
