"""What is said of an HTTP answer: status, size, every redirect, certificate."""

from .fact import Part, Readings, fact, part, size
from .fact_tls import certificate, session


def view(readings: Readings) -> list[Part]:
    """Return the answer, the way to it, and the certificate."""
    answer = part(
        fact("status", readings.text("status"), readings.text("http_version")),
        fact("body", _size(readings)),
        fact("final url", readings.text("final_url")),
        fact("redirects", readings.text("redirects")),
    )
    return [answer, session(readings), *certificate(readings)]


def gist(readings: Readings) -> str:
    """Return status and size."""
    said = [readings.text("status"), _size(readings)]
    return ", ".join(one for one in said if one)


def _size(readings: Readings) -> str:
    count = readings.number("bytes")
    if count is None:
        return ""
    return size(count) + (" read, more is there" if readings.flag("truncated") else "")
