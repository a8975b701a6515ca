"""HTTP probe: does the server give the answer that is wanted, and how fast?"""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from msgspec import Meta, Struct, field

from pangea.core.failure import ProbeFailed
from pangea.core.text import safe_text

from .base import Trace, register
from .connect import Family
from .http_engine import Answer, fetch
from .http_reader import HttpReader
from .http_request import Request, follow, parse_headers
from .http_status import in_words, is_named, is_wanted, parse_statuses
from .target import Url, parse_host, parse_url
from .tls_engine import warn_of_weakness

if TYPE_CHECKING:
    from .tools import Tools

DEFAULT_LIMIT = 1024 * 1024
GOOD: tuple[int | str, ...] = ("200-299",)
REDIRECTS = {301, 302, 303, 307, 308}

Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_Text = Annotated[str, Meta(max_length=4096)]


class HttpOptions(Struct, frozen=True, kw_only=True):
    """How to ask over HTTP and what answer is wanted.

    ``expect_status`` takes codes, ranges and classes (``200-299,301,4xx``); a
    redirect whose code is named there by itself is not followed.
    ``max_body_bytes`` counts after decompression: a longer body fails if it is
    given; if it is not, only the first 1 MiB is read.
    """

    method: Method = "GET"
    headers: dict[str, str] | list[str] = field(default_factory=dict)
    body: Annotated[str, Meta(max_length=65_536)] = ""
    expect_status: list[int | str] | int = field(default_factory=lambda: [*GOOD])
    body_contains: _Text = ""
    body_not_contains: _Text = ""
    follow_redirects: bool = True
    max_redirects: Annotated[int, Meta(ge=0, le=20)] = 5
    max_body_bytes: Annotated[int, Meta(ge=1, le=64 * 2**20)] | None = None
    warn_latency_ms: Annotated[float, Meta(gt=0)] | None = None
    verify: bool = True
    ca_file: _Text = ""
    server_name: _Text = ""
    family: Family = "any"


@register
class HttpProbe:
    """Asks one URL once, on a new connection, and follows its redirects."""

    Options: ClassVar[type[Struct]] = HttpOptions
    type: ClassVar[str] = "http"
    default_interval_s: ClassVar[float] = 30.0

    def __init__(self, url: Url, options: HttpOptions) -> None:
        self.url, self.options = url, options
        self._wanted = parse_statuses(options.expect_status)
        self._request = Request(
            url=url,
            method=options.method,
            headers=parse_headers(options.headers),
            body=options.body.encode(),
            family=options.family,
            verify=options.verify,
            server_name=parse_host(options.server_name) if options.server_name else "",
            ca_file=options.ca_file,
            limit=options.max_body_bytes or DEFAULT_LIMIT,
            keep=bool(options.body_contains or options.body_not_contains),
        )

    @classmethod
    def parse(cls, target: str, options: Any) -> Self:
        """Return the probe for the URL *target*; without a scheme it is https."""
        return cls(parse_url(target), options)

    async def run(self, trace: Trace, tools: "Tools") -> None:
        """Ask; ProbeFailed unless status and body are those wanted."""
        request, hops = self._request, 0
        while True:
            answer = await fetch(request, tools.tls, trace)
            _note(answer, request.url, hops, trace)
            if not self._goes_on(answer.head):
                break
            hops += 1
            request = self._next(request, answer.head, hops)
        self._judge_status(answer.head)
        self._judge_body(answer.head, trace)
        self._judge_latency(trace)
        warn_of_weakness(answer.chain, trace)

    def _goes_on(self, head: HttpReader) -> bool:
        return (
            head.status in REDIRECTS
            and self.options.follow_redirects
            and not is_named(head.status, self._wanted)
        )

    def _next(self, request: Request, head: HttpReader, hops: int) -> Request:
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

    def _judge_status(self, head: HttpReader) -> None:
        if not is_wanted(head.status, self._wanted):
            wanted = in_words(self._wanted)
            raise ProbeFailed("status", f"got status {head.status}, wanted {wanted}")

    def _judge_body(self, head: HttpReader, trace: Trace) -> None:
        body, options = head.body, self.options
        if body.exploding or (body.full and options.max_body_bytes):
            packed = f" (unpacked from {body.received})" if body.exploding else ""
            detail = f"the body is larger than {body.limit} bytes{packed}"
            raise ProbeFailed("too_large", detail)
        if body.full:
            trace.readings["truncated"] = True
        if not (options.body_contains or options.body_not_contains):
            return
        if not body.readable:
            encoding = safe_text(body.encoding, 40)
            raise ProbeFailed("body", f"the body is packed as {encoding!r}, not read")
        within = f" within its first {body.limit} bytes" if body.full else ""
        wanted, unwanted = options.body_contains, options.body_not_contains
        if wanted and not _holds(head, wanted):
            detail = f"the body does not contain {safe_text(wanted)!r}{within}"
            raise ProbeFailed("body", detail)
        if unwanted and _holds(head, unwanted):
            raise ProbeFailed("body", f"the body contains {safe_text(unwanted)!r}")

    def _judge_latency(self, trace: Trace) -> None:
        spent, most = sum(trace.phases.values()), self.options.warn_latency_ms
        if most is not None and spent > most:
            trace.warn("latency", f"took {spent:.0f} ms, wanted at most {most:g} ms")


def _note(answer: Answer, url: Url, hops: int, trace: Trace) -> None:
    head = answer.head
    trace.readings |= {
        "status": head.status,
        "http_version": head.version,
        "bytes": min(head.body.size, head.body.limit),
        "final_url": safe_text(url, 500),
        "redirects": hops,
    }


def _holds(head: HttpReader, wanted: str) -> bool:
    """Tell whether the body holds *wanted*, in the charset it says it is in."""
    kind = head.headers.get("content-type", "").lower()
    charset = kind.partition("charset=")[2].split(";")[0].strip(" \"'")[:40]
    try:
        text = wanted.encode(charset or "utf-8")
    except (LookupError, ValueError):
        text = wanted.encode()
    return text in head.body.kept
