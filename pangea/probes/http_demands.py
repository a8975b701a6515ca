"""What an HTTP answer must be like, read once from the options and judged each run."""

import re
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from pangea.core.durations import milliseconds
from pangea.core.errors import UsageError
from pangea.core.failure import ProbeFailed
from pangea.core.text import safe_text

from .banner import Pattern
from .base import Trace
from .body_decoder import BodyDecoder
from .http_engine import Head
from .http_json import parse_expression, read_document
from .http_options import WHERE, HttpOptions
from .http_pattern import BodyPattern
from .http_request import rejoin
from .http_status import in_words, is_wanted, parse_statuses
from .target import Url

MOST = 20
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
#: a bare word without ! could be what follows a comma in a pattern
_HEADER = re.compile(rf"(?=!|[^:]+:)(!?)\s*({_TOKEN})(?:\s*:\s*(.*))?", re.DOTALL)
_EXPRESSION = re.compile(r"\$.*", re.DOTALL)
#: charsets that a body is read in; Python knows slow and odd ones too
_CHARSET = re.compile(
    r"iso-8859-\d+|windows-125\d|us-ascii|utf-16|utf-16[lb]e|koi8-[ru]|shift_jis"
    r"|euc-(jp|kr)|gbk|gb2312|gb18030|big5"
)


class HeaderDemand(NamedTuple):
    """A header and what it must hold; without a pattern it is its being there."""

    name: str
    pattern: Pattern | None
    unwanted: bool

    def complaint(self, headers: dict[str, str]) -> str:
        """Return what is wrong, "" if nothing is."""
        got = headers.get(self.name.lower())
        if got is None:
            return "" if self.unwanted else f"the header {self.name} is missing"
        shown = safe_text(repr(got), 100)
        if self.pattern is None:
            said = f"the header {self.name} is there: {shown}"
            return said if self.unwanted else ""
        value = got.encode("latin-1")
        if self.pattern.found_in(value) != self.unwanted:
            return ""
        wanted = "wanted it not to match" if self.unwanted else "wanted"
        return f"the header {self.name} is {shown}, {wanted} {self.pattern}"


class Demands:
    """All that a job wants of the final answer. Raises UsageError."""

    def __init__(self, options: HttpOptions) -> None:
        self._options = options
        self.statuses = parse_statuses(options.expect_status)
        self._headers = [
            _header_demand(text) for text in rejoin(options.expect_headers, _HEADER)
        ]
        self._json = [
            parse_expression(text, f"{WHERE}: json")
            for text in rejoin(options.json, _EXPRESSION)
        ]
        self._regex = _body_pattern(options.body_regex, "body_regex")
        self._not_regex = _body_pattern(options.body_not_regex, "body_not_regex")
        if len(self._headers) > MOST or len(self._json) > MOST:
            raise UsageError(f"{WHERE}: more than {MOST} demands of one kind")
        texts = options.body_contains or options.body_not_contains
        patterns = self._regex or self._not_regex
        self.keeps = bool(texts or patterns or self._json)

    async def judge(self, head: Head, url: Url, now: float, trace: Trace) -> None:
        """Raise ProbeFailed for the first thing that is not as it is wanted."""
        if not is_wanted(head.status, self.statuses):
            wanted = in_words(self.statuses)
            raise ProbeFailed("status", f"got status {head.status}, wanted {wanted}")
        self._judge_scheme(url)
        for demand in self._headers:
            _complain("header", demand.complaint(head.headers))
        self._judge_age(head, now, trace)
        self._judge_size(head.body, trace)
        if self.keeps:
            await self._judge_body(head, trace)
        self._judge_latency(trace)

    def _judge_scheme(self, url: Url) -> None:
        options = self._options
        wanted = "https" if options.tls_required else "http"
        if (options.tls_required or options.plain_required) and url.scheme != wanted:
            shown = safe_text(url)
            raise ProbeFailed("scheme", f"the final URL is {shown}, wanted {wanted}")

    def _judge_age(self, head: Head, now: float, trace: Trace) -> None:
        most = self._options.max_age_s
        if most is None:
            return
        ages = _ages(head.headers, now)
        if not ages:
            detail = "no Last-Modified, Date or Age says how old the content is"
            raise ProbeFailed("stale", detail)
        by, age = max(ages.items(), key=lambda known: known[1])
        trace.readings["age_s"] = round(age, 1)
        if age > most:
            detail = f"the content is {age:.0f} s old by {by}, wanted at most {most:g}"
            raise ProbeFailed("stale", detail)

    def _judge_size(self, body: BodyDecoder, trace: Trace) -> None:
        if body.exploding or (body.full and self._options.max_body_bytes):
            packed = f" (unpacked from {body.received})" if body.exploding else ""
            detail = f"the body is larger than {body.limit} bytes{packed}"
            raise ProbeFailed("too_large", detail)
        if body.full:
            trace.readings["truncated"] = True

    async def _judge_body(self, head: Head, trace: Trace) -> None:
        body, options = head.body, self._options
        if not body.readable:
            encoding = safe_text(body.encoding, 40)
            raise ProbeFailed("body", f"the body is packed as {encoding!r}, not read")
        wanted, unwanted = options.body_contains, options.body_not_contains
        charset = _charset(head)
        if wanted and _encoded(wanted, charset) not in body.kept:
            within = f" within its first {body.limit} bytes" if body.full else ""
            detail = f"the body does not contain {safe_text(wanted)!r}{within}"
            raise ProbeFailed("body", detail)
        if unwanted and _encoded(unwanted, charset) in body.kept:
            raise ProbeFailed("body", f"the body contains {safe_text(unwanted)!r}")
        if self._regex or self._not_regex:
            await self._judge_patterns(_in_utf8(bytes(body.kept), charset), trace)
        if self._json:
            document = read_document(body.kept)
            for expression in self._json:
                _complain("body", expression.complaint(document))

    async def _judge_patterns(self, text: bytes, trace: Trace) -> None:
        if self._regex:
            found, searched = await self._regex.search(text)
            if not found:
                cut = f" within its first {searched} bytes"
                within = cut if searched < len(text) else ""
                detail = f"the body does not match {self._regex}{within}"
                raise ProbeFailed("body", detail)
        if self._not_regex:
            found, searched = await self._not_regex.search(text)
            if found:
                raise ProbeFailed("body", f"the body matches {self._not_regex}")
            if searched < len(text):
                trace.readings["searched_bytes"] = searched

    def _judge_latency(self, trace: Trace) -> None:
        most = self._options.warn_latency_ms
        if most is None:
            return
        spent = trace.target_ms
        if spent > most:
            took = f"took {milliseconds(spent)}, wanted at most {most:g} ms"
            trace.warn("latency", took)


def _complain(reason: str, complaint: str) -> None:
    if complaint:
        raise ProbeFailed(reason, complaint)


def _header_demand(text: str) -> HeaderDemand:
    found = _HEADER.fullmatch(text.strip())
    if not found:
        shown = safe_text(text, 60)
        hint = 'write "Name: regex", "Name:", "!Name: regex" or "!Name"'
        raise UsageError(f"{WHERE}: expect_headers: cannot read {shown!r}", hint=hint)
    pattern = _pattern(found[3] or "", f"expect_headers: {found[2]}")
    return HeaderDemand(found[2], pattern, bool(found[1]))


def _pattern(text: str, name: str) -> Pattern | None:
    return Pattern(text, f"{WHERE}: {name}") if text else None


def _body_pattern(text: str, name: str) -> BodyPattern | None:
    return BodyPattern(text, f"{WHERE}: {name}") if text else None


def _ages(headers: dict[str, str], now: float) -> dict[str, float]:
    """Return how many seconds old the content is by each header that tells."""
    ages = {}
    if re.fullmatch(r"\d{1,10}", headers.get("age", "")):
        ages["Age"] = float(headers["age"])
    for name in ("Last-Modified", "Date"):
        try:
            then = parsedate_to_datetime(headers.get(name.lower(), "")[:40])
            ages[name] = max(0.0, now - then.timestamp())
        except (ValueError, OverflowError):
            continue
    return ages


def _charset(head: Head) -> str:
    kind = head.headers.get("content-type", "").lower()
    return kind.partition("charset=")[2].split(";")[0].strip(" \"'")[:40]


def _encoded(text: str, charset: str) -> bytes:
    """Return *text* as it stands in a body of *charset*."""
    try:
        return text.encode(charset if _CHARSET.fullmatch(charset) else "utf-8")
    except (LookupError, ValueError):
        return text.encode()


def _in_utf8(body: bytes, charset: str) -> bytes:
    if not _CHARSET.fullmatch(charset):
        return body
    return body.decode(charset, "replace").encode()
