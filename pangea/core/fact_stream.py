"""What is said of a dialogue over TCP or UDP."""

from .fact import Part, Readings, fact, part
from .fact_tls import certificate, session


def view(readings: Readings) -> list[Part]:
    """Return what was heard, and the certificate if there was TLS."""
    heard = part(fact("heard", readings.text("banner")))
    return [heard, session(readings), *certificate(readings)]


def gist(readings: Readings) -> str:
    """Return what was heard."""
    return readings.text("banner")
