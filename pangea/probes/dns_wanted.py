"""Judges what a response says against what was wanted."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import dns.exception
import dns.rcode
import dns.rdatatype

from pangea.core.errors import UsageError
from pangea.core.failure import ProbeError, ProbeFailed
from pangea.core.options import nearest
from pangea.core.text import safe_text

from .banner import Pattern
from .dns_content import SHOWN, Content
from .dns_rdata import parse_wanted, rcode_text, type_text
from .dns_wire import READ_AT_MOST, Query

if TYPE_CHECKING:
    from .dns import DnsOptions

#: searches of a pattern at its dearest that one answer is worth
_SEARCHES = 4.0
_NOTHING: dict[str | bytes, str] = {}
#: half of the serials lie ahead of any one (RFC 1982, 3.2)
_HALF, _WHOLE = 1 << 31, 1 << 32


class Wanted:
    """The assertions of a job about an answer. Raises UsageError for bad ones."""

    __slots__ = (
        "_all", "_any", "_has_ttl", "_none", "_options", "_query", "_rcodes",
        "_regex", "_regex_all", "_regex_none",
    )  # fmt: skip

    def __init__(self, options: "DnsOptions", query: Query) -> None:
        self._options, self._query = options, query
        self._rcodes = tuple(_rcode(text) for text in options.expect_rcode)
        both = (*options.expect_all, *options.expect_answer)
        self._all = self._values("expect_all", both)
        self._any = self._values("expect_any", options.expect_any)
        self._none = self._values("expect_none", options.expect_none)
        self._regex = _pattern("answer_regex", options.answer_regex)
        self._regex_all = _pattern("answer_regex_all", options.answer_regex_all)
        self._regex_none = _pattern("answer_regex_none", options.answer_regex_none)
        self._has_ttl = (options.min_ttl, options.max_ttl) != (None, None)
        if options.min_serial is not None and query.rdtype != dns.rdatatype.SOA:
            hint = "ask with type=SOA"
            raise UsageError("dns option: min_serial is for SOA records", hint=hint)

    def judge(self, content: Content, keys: list[bytes]) -> None:
        """Raise ProbeFailed for the first thing that is not as wanted, TTLs aside.

        *keys* are the canonical bytes of each record.
        """
        self._judge_rcode(content)
        self._judge_flags(content)
        self._judge_count(content)
        present = _texts(content.texts) if self._is_any else set(keys)
        self._judge_values(present, content)
        self._judge_patterns(content)
        self._judge_serial(content)

    def judge_ttl(self, content: Content) -> None:
        """Raise ProbeFailed ``record_ttl`` unless every TTL is within bounds."""
        if not self._has_ttl or content.ttl_min is None or content.ttl_max is None:
            return
        least, most = self._options.min_ttl, self._options.max_ttl
        if least is not None and content.ttl_min < least:
            got = f"got a TTL of {content.ttl_min} s"
            raise ProbeFailed("record_ttl", f"{got}, wanted at least {least} s")
        if most is not None and content.ttl_max > most:
            got = f"got a TTL of {content.ttl_max} s"
            raise ProbeFailed("record_ttl", f"{got}, wanted at most {most} s")

    @property
    def _is_any(self) -> bool:
        return self._query.rdtype == dns.rdatatype.ANY or self._options.section != (
            "answer"
        )

    def _amount(self, count: int) -> str:
        elsewhere = self._options.section != "answer"
        kind = self._options.section if elsewhere else type_text(self._query.rdtype)
        return f"{count} {kind} record{'' if count == 1 else 's'}"

    def _values(self, option: str, texts: Sequence[str]) -> dict[str | bytes, str]:
        """Return each of *texts* by the key that records are compared by."""
        if not texts:
            return _NOTHING
        if self._is_any:
            return {_plain(text): text for text in texts}
        rdtype, rdclass = self._query.rdtype, self._query.rdclass
        try:
            return {parse_wanted(text, rdtype, rdclass): text for text in texts}
        except ValueError as error:
            said = f"dns option: {option} is no {type_text(rdtype)} record: {error}"
            raise UsageError(said, hint="write it as in a zone file") from error

    def _judge_rcode(self, content: Content) -> None:
        if content.rcode_text not in self._rcodes:
            wanted = " or ".join(self._rcodes)
            more = content.more.get("extended_error", "")
            why = f" ({more})" if more else ""
            got = f"got {content.rcode_text}{why}"
            raise ProbeFailed("rcode", f"{got}, wanted {wanted}")
        if content.rcode == dns.rcode.NXDOMAIN and content.texts and not self._is_any:
            said = f"NXDOMAIN, and yet {self._amount(content.total)}"
            raise ProbeFailed("protocol", f"the answer contradicts itself: got {said}")

    def _judge_flags(self, content: Content) -> None:
        if self._options.require_aa and not content.authoritative:
            detail = "got an answer without the flag AA, wanted one with authority"
            raise ProbeFailed("not_authoritative", detail)
        if self._options.require_ad and not content.more.get("authenticated"):
            detail = "got an answer without the flag AD, wanted a validated one"
            raise ProbeFailed("not_validated", detail)

    def _judge_count(self, content: Content) -> None:
        least = self._options.min_answers
        if content.rcode != dns.rcode.NOERROR or content.total >= least:
            return
        other = content.strangers
        others = f" ({self._amount(other)} for other names)" if other else ""
        got = f"got {self._amount(content.total)}{others}"
        raise ProbeFailed("answer", f"{got}, wanted at least {least}")

    def _judge_values(self, present: set[bytes] | set[str], content: Content) -> None:
        missing = [text for key, text in self._all.items() if key not in present]
        if missing:
            also = "also " if len(missing) < len(self._all) else ""
            raise _wrong(content, f"{also}{_joined(missing)}")
        if self._any and not any(key in present for key in self._any):
            raise _wrong(content, f"any of {_joined(self._any.values())}")
        unwanted = [text for key, text in self._none.items() if key in present]
        if unwanted:
            raise _wrong(content, f"not {_joined(unwanted)}")

    def _judge_patterns(self, content: Content) -> None:
        texts = content.texts
        if self._regex and not any(_found(self._regex, texts)):
            raise _wrong(content, f"a match of {safe_text(self._regex.text, 100)}")
        if self._regex_all and not all(_found(self._regex_all, texts)):
            every = safe_text(self._regex_all.text, 100)
            raise _wrong(content, f"a match of {every} in every record")
        if self._regex_none and any(_found(self._regex_none, texts)):
            none = safe_text(self._regex_none.text, 100)
            raise _wrong(content, f"no match of {none}")

    def _judge_serial(self, content: Content) -> None:
        least, got = self._options.min_serial, content.more.get("serial")
        if least is None or got is None:
            return
        if (got - least) % _WHOLE >= _HALF:
            detail = f"got the serial {got}, wanted at least {least}"
            raise ProbeFailed("zone_serial", detail)


def _found(pattern: Pattern, texts: list[str]) -> Iterable[bool]:
    """Yield for each text whether it holds *pattern*, as long as that is affordable.

    The time that a search may take grows with the square of the length, or faster.
    Raises ProbeError where the rest cannot be searched.
    """
    spent = 0.0
    for text in texts:
        data = text.encode()
        spent += (min(len(data), pattern.room) / pattern.room) ** 2
        if spent > _SEARCHES:
            detail = f"the pattern {pattern} is too dear for so many records"
            raise ProbeError("unsupported", detail)
        yield pattern.found_in(data)


def _wrong(content: Content, wanted: str) -> ProbeFailed:
    got = safe_text(", ".join(content.texts[:SHOWN]) or "nothing")
    cut = content.total > READ_AT_MOST
    of = f" (of {content.total} records the first {READ_AT_MOST})" if cut else ""
    return ProbeFailed("answer", f"got {got}{of}, wanted {wanted}")


def _joined(texts: Iterable[str]) -> str:
    return safe_text(", ".join(texts))


def _plain(text: str) -> str:
    return text.strip().rstrip(".").lower()


def _texts(texts: list[str]) -> set[str]:
    return {_plain(text) for text in texts}


def _pattern(option: str, text: str | None) -> Pattern | None:
    return Pattern(text, f"dns option: {option}") if text is not None else None


def _rcode(text: str) -> str:
    try:
        return rcode_text(dns.rcode.from_text(text.strip().upper()))
    except (dns.exception.DNSException, ValueError) as error:
        known = [code.name for code in dns.rcode.Rcode]
        message = f"dns option: unknown expect_rcode {text!r}"
        raise UsageError(message, hint=nearest(text.upper(), known)) from error
