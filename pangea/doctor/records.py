"""Does the DNS name a coordinator?"""

from pangea.core.errors import Unreachable
from pangea.mesh.dial import Address
from pangea.mesh.service_records import SERVICE, ServiceRecords, system_resolver
from pangea.system_clock import SystemClock

from .patient import Patient
from .row import Row, ok, skipped, warn


async def records(patient: Patient) -> tuple[Row, list[Address]]:
    """Check the resolver, the domains to look in, and what they answer."""
    if "dns" not in patient.mesh.discovery:
        return skipped("DNS", "discovery does not use dns (see --discovery)"), []
    try:
        resolver = system_resolver()
        found = await ServiceRecords(
            patient.mesh.dns_domain, SystemClock().monotonic, resolver
        ).look_up()
    except Unreachable as error:
        return warn("DNS", str(error), error.hint or "correct dns_domain"), []
    domain = patient.mesh.dns_domain or ", ".join(str(name) for name in resolver.search)
    servers = ", ".join(str(server) for server in resolver.nameservers[:3])
    asked = f"{SERVICE} in {domain}, by {servers}"
    if found:
        places = [Address(*place) for place in found]
        return ok("DNS", f"{asked}: {', '.join(map(str, places))}"), places
    return warn(
        "DNS",
        f"{asked}: no coordinator",
        f"publish an SRV record {SERVICE}.DOMAIN, or use --join",
    ), []
