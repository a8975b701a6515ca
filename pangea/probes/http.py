"""HTTP probe: does the server give the answer that is wanted, and how fast?"""

from typing import TYPE_CHECKING, Any, ClassVar, Self

from msgspec import Struct

from pangea.core.errors import UsageError
from pangea.core.failure import ProbeFailed
from pangea.core.model import Outcome
from pangea.core.text import safe_text

from .base import Trace, register
from .certificates import Facts, iso
from .client_certificate import IdentitySource
from .connect import Family
from .http_demands import Demands
from .http_engine import Answer, Habits, Head, fetch, in_order
from .http_options import WHERE, HttpOptions
from .http_request import Request, authorized, follow, parse_headers
from .http_status import is_named
from .http_way import Proxy, Way, basic, parse_proxy
from .own_resolver import parse_resolver
from .target import Url, is_address, parse_host, parse_url
from .tls_engine import warn_of_weakness

if TYPE_CHECKING:
    from .tools import Tools

DEFAULT_LIMIT = 1024 * 1024
REDIRECTS = {301, 302, 303, 307, 308}
FAMILIES: tuple[Family, ...] = ("ipv4", "ipv6")


@register
class HttpProbe:
    """Asks one URL once, on a new connection, and follows its redirects."""

    Options: ClassVar[type[Struct]] = HttpOptions
    type: ClassVar[str] = "http"
    default_interval_s: ClassVar[float] = 30.0

    def __init__(self, url: Url, options: HttpOptions) -> None:
        self.url, self.options = url, options
        self._demands = Demands(options)
        self._request = _request(url, options)
        self._habits = Habits(
            way=_way(options),
            verify=options.verify,
            ca_file=options.ca_file,
            http2=options.http2,
            limit=options.max_body_bytes or DEFAULT_LIMIT,
            keep=self._demands.keeps,
        )
        if options.http2 == "require" and url.scheme == "http":
            raise UsageError(f"{WHERE}: http2 require wants an https target")
        if options.family == "both" and is_address(url.host):
            raise UsageError(f"{WHERE}: family both wants a name, not an address")

    @classmethod
    def parse(cls, target: str, options: Any) -> Self:
        """Return the probe for the URL *target*; without a scheme it is https."""
        return cls(parse_url(target), options)

    async def run(self, trace: Trace, tools: "Tools") -> None:
        """Ask; ProbeFailed unless the answer is as it is wanted."""
        if self.options.family == "both":
            await self._ask_both(trace, tools)
        else:
            await self._ask(self._habits, trace, tools)
            _observe("certificate", trace.readings, trace)

    async def _ask(self, habits: Habits, trace: Trace, tools: "Tools") -> None:
        try:
            answer, url = await self._follow(habits, trace, tools)
        finally:
            trace.phases = in_order(trace.phases)
        await self._demands.judge(answer.head, url, tools.tls.now(), trace)
        warn_of_weakness(answer.chain, trace)

    async def _follow(
        self, habits: Habits, trace: Trace, tools: "Tools"
    ) -> tuple[Answer, Url]:
        """Return the last answer and where it came from."""
        request, hops, spent = self._request, list[dict[str, Any]](), 0.0
        while True:
            # What an earlier hop left is its own, not the next one's.
            trace.readings.clear()
            if hops:
                trace.readings["hops"] = hops
            answer = await fetch(request, habits, tools, trace)
            _note(answer, request.url, len(hops), trace)
            goes_on = self._goes_on(answer.head)
            if goes_on or hops:
                total = trace.target_ms
                hops.append(_hop(answer, total - spent, trace))
                spent = total
            if not goes_on:
                return answer, request.url
            request = self._next(request, answer.head, len(hops))

    async def _ask_both(self, trace: Trace, tools: "Tools") -> None:
        """Ask over IPv4, then over IPv6; it fails if either fails."""
        wrong: list[ProbeFailed] = []
        for family in FAMILIES:
            part = Trace()
            way = self._habits.way._replace(family=family)
            try:
                await self._ask(self._habits._replace(way=way), part, tools)
            except ProbeFailed as failure:
                detail = f"{family}: {failure.detail}"
                wrong.append(type(failure)(failure.reason, detail))
            finally:
                _add(part, family, trace)
            _observe(f"certificate_{family}", part.readings, trace)
        if wrong:
            # What the target failed at counts for more than what we could not tell.
            wrong.sort(key=lambda failure: failure.outcome is Outcome.ERROR)
            raise type(wrong[0])(wrong[0].reason, "; ".join(w.detail for w in wrong))

    def _goes_on(self, head: Head) -> bool:
        return (
            head.status in REDIRECTS
            and self.options.follow_redirects
            and not is_named(head.status, self._demands.statuses)
        )

    def _next(self, request: Request, head: Head, hops: int) -> Request:
        location = head.headers.get("location", "")
        if not location:
            detail = f"the redirect {head.status} does not say where to"
            raise ProbeFailed("redirect", detail)
        if hops > self.options.max_redirects:
            most = self.options.max_redirects
            detail = f"more than {most} redirects, the last to {safe_text(location)}"
            raise ProbeFailed("redirect", detail)
        # Headers are read as Latin-1; what servers put there is UTF-8,
        # and sometimes a space.
        text = location.encode("latin-1").decode("utf-8", "replace")
        return follow(request, text.replace(" ", "%20"), head.status)


def _request(url: Url, options: HttpOptions) -> Request:
    headers = parse_headers(options.headers)
    if options.user:
        headers = authorized(headers, basic(options.user, options.password, WHERE))
    if options.token:
        headers = authorized(headers, f"Bearer {options.token}")
    own = options.client_cert
    return Request(
        url=url,
        method=options.method,
        headers=headers,
        body=options.body.encode(),
        server_name=parse_host(options.server_name) if options.server_name else "",
        identity=IdentitySource(own, options.client_key, WHERE) if own else None,
    )


def _way(options: HttpOptions) -> Way:
    family: Family = "any" if options.family == "both" else options.family
    where, resolver = f"{WHERE}: resolver", options.resolver
    server = parse_resolver(resolver, where) if resolver else None
    return Way(family, server, _proxy(options))


def _proxy(options: HttpOptions) -> Proxy | None:
    if not options.proxy:
        return None
    user = options.proxy_user
    known = basic(user, options.proxy_password, f"{WHERE}: proxy_user") if user else ""
    return parse_proxy(options.proxy, known, options.proxy_tunnel, f"{WHERE}: proxy")


def _hop(answer: Answer, ms: float, trace: Trace) -> dict[str, Any]:
    hop = {
        "url": trace.readings["final_url"],
        "status": answer.head.status,
        "address": trace.readings["address"],
        "ms": round(ms, 3),
    }
    return hop | _certificate(answer.chain)


def _certificate(chain: tuple[Facts, ...]) -> dict[str, str]:
    if not chain:
        return {}
    leaf = chain[0]
    return {
        "subject": leaf.subject,
        "issuer": leaf.issuer,
        "not_after": iso(leaf.not_after),
    }


def _note(answer: Answer, url: Url, hops: int, trace: Trace) -> None:
    head = answer.head
    trace.readings |= {
        "status": head.status,
        "http_version": head.version,
        "bytes": min(head.body.size, head.body.limit),
        "final_url": safe_text(url, 500),
        "redirects": hops,
    }


def _observe(name: str, readings: dict[str, Any], trace: Trace) -> None:
    fingerprint = readings.get("fingerprint_sha256")
    if fingerprint:
        trace.observe(name, fingerprint)


def _add(part: Trace, family: str, trace: Trace) -> None:
    """Add what was seen over one *family* to the whole."""
    for name, spent in part.phases.items():
        trace.phases[name] = trace.phases.get(name, 0.0) + spent
    trace.phases, trace.last = in_order(trace.phases), part.last
    trace.readings[family] = part.readings | {"phases": part.phases}
    if part.warning:
        reason, detail = part.warning
        trace.warn(reason, f"{family}: {detail}")
