"""What is said of a dialogue over TCP or UDP."""

from .fact import Fact, Part, Readings, fact, part, size
from .fact_tls import certificate, session

#: How the ends of lines stand in a reading, which is one safe line.
ENDS = ("\\x0d\\x0a", "\\x0a")


def view(readings: Readings) -> list[Part]:
    """Return what was heard, and the certificate if there was TLS."""
    count = readings.number("bytes")
    turns = [line for turn in readings.tables("dialogue") for line in _turn(turn)]
    if turns:
        # It holds them both.
        readings.skip("banner", "answer")
    heard = part(
        Fact("dialogue", tuple(turns)),
        Fact("heard", lines(readings.text("banner"))),
        Fact("then", lines(readings.text("answer"))),
        fact("length", "" if count is None else size(count)),
    )
    return [heard, session(readings), *certificate(readings)]


def gist(readings: Readings) -> str:
    """Return what was heard last."""
    first, last = readings.text("banner"), readings.text("answer")
    return (lines(last or first) or ("",))[-1]


def lines(heard: str, mark: str = "<") -> tuple[str, ...]:
    """Return what was heard line by line; each begins with *mark*."""
    for end in ENDS:
        heard = heard.replace(end, "\n")
    return tuple(f"{mark} {line.strip()}" for line in heard.split("\n") if line.strip())


def _turn(turn: Readings) -> list[str]:
    """Return who said what: ``>`` is us, ``<`` the server."""
    secured = turn.text("secured")
    said, heard = lines(turn.text("said"), ">"), lines(turn.text("heard"))
    return [*said, *heard, *([f"-- {secured} --"] if secured else [])]
