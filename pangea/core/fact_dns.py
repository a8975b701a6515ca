"""What is said of a DNS answer, in the order in which dig says it."""

from .fact import Fact, Part, Readings, fact, part


def view(readings: Readings) -> list[Part]:
    """Return code and flags, the records, and who said it."""
    answers = readings.texts("answers")
    head = part(
        fact("code", readings.text("rcode"), _flags(readings)),
        Fact("answer", tuple(answers), columns=True),
        fact("least ttl", _seconds(readings.text("ttl_min"))),
    )
    server = part(
        fact("resolver", readings.text("resolver"), readings.text("transport")),
        fact("size", _bytes(readings.text("size"))),
    )
    return [head, server]


def gist(readings: Readings) -> str:
    """Return the code and the first records."""
    answers = readings.texts("answers")
    more = ", …" if len(answers) > 3 else ""
    said = ", ".join(answers[:3]) + more
    return f"{readings.text('rcode')} {said}"[:200].strip()


def _flags(readings: Readings) -> str:
    return "authoritative" if readings.flag("authoritative") else ""


def _seconds(text: str) -> str:
    return f"{text} s" if text else ""


def _bytes(text: str) -> str:
    return f"{text} bytes" if text else ""
