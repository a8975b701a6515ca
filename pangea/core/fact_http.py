"""What is said of an HTTP answer: status, size, every redirect, certificate."""

from .durations import milliseconds
from .fact import Fact, Part, Readings, fact, in_columns, part, size, under
from .fact_tls import certificate, date, session

FAMILIES = ("ipv4", "ipv6")


def view(readings: Readings) -> list[Part]:
    """Return the answer, the way to it, and the certificate; of each family."""
    both = [(name, readings.table(name)) for name in FAMILIES]
    parts = _one(readings)
    for name, table in both:
        if table is not None:
            parts.append(under(name, _phases(table), _one(table), table))
    return parts


def gist(readings: Readings) -> str:
    """Return status and size."""
    both = [(name, readings.table(name)) for name in FAMILIES]
    said = [readings.text("status"), _size(readings)]
    said += [f"{name} {gist(table)}" for name, table in both if table is not None]
    return ", ".join(one for one in said if one)


def _one(readings: Readings) -> list[Part]:
    hops = readings.tables("hops")
    turns, truncated = readings.text("redirects"), readings.flag("truncated")
    answer = part(
        fact("answer", readings.text("status"), _version(readings)),
        fact("address", readings.text("address"), _proxy(readings)),
        fact("body", _size(readings), "more is there" if truncated else ""),
        fact("final url", readings.text("final_url")),
        fact("redirects", "" if turns == "0" or hops else turns),
        Fact("hops", _hops(hops)),
    )
    return [answer, session(readings), *certificate(readings)]


def _version(readings: Readings) -> str:
    version = readings.text("http_version")
    return f"HTTP/{version}" if version[:1].isdigit() else version


def _proxy(readings: Readings) -> str:
    proxy = readings.text("proxy")
    return f"through the proxy {proxy}" if proxy else ""


def _size(readings: Readings) -> str:
    count = readings.number("bytes")
    return "" if count is None else size(count)


def _hops(hops: list[Readings]) -> tuple[str, ...]:
    """Return a line for each answer on the way, the last one included."""
    rows = [
        (
            str(number),
            hop.text("status"),
            _spent(hop),
            hop.text("address"),
            f"{hop.text('url')}{_certificate(hop)}",
        )
        for number, hop in enumerate(hops, 1)
    ]
    return in_columns(rows, "rrrl")


def _spent(hop: Readings) -> str:
    spent = hop.number("ms")
    return "" if spent is None else milliseconds(spent)


def _certificate(hop: Readings) -> str:
    subject, issuer, until = map(hop.text, ("subject", "issuer", "not_after"))
    said = [subject, issuer and f"from {issuer}", until and f"until {date(until)}"]
    return f"  ({', '.join(one for one in said if one)})" if subject else ""


def _phases(table: Readings) -> str:
    phases = table.table("phases")
    if phases is None:
        return ""
    spent = [(name, phases.number(name)) for name in list(phases.left)]
    return ", ".join(f"{n} {milliseconds(v)}" for n, v in spent if v is not None)
