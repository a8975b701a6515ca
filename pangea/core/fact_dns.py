"""What is said of a DNS answer, in the order in which dig says it."""

from .durations import milliseconds
from .fact import Fact, Part, Readings, fact, part, under
from .fact_tls import certificate, session
from .text import safe_text

FLAGS = {"authoritative": "aa", "authenticated": "ad"}


def view(readings: Readings) -> list[Part]:
    """Return code and flags, the records, and who said it; of each server."""
    several, parts = readings.table("resolvers"), _one(readings)
    for name in list(several.left) if several else []:
        table = several.table(name) if several else None
        if table is not None:
            took = table.number("duration_ms")
            said = "no answer" if took is None else milliseconds(took)
            parts.append(under(safe_text(name, 60), said, _one(table), table))
    return parts


def gist(readings: Readings) -> str:
    """Return the code and the first records."""
    several = readings.table("resolvers")
    if several is not None:
        tables = [(name, several.table(name)) for name in list(several.left)]
        said = [f"{safe_text(n, 60)} {gist(t)}" for n, t in tables if t is not None]
        return "; ".join(said)[:300]
    answers = readings.texts("answers")
    more = ", …" if len(answers) > 3 else ""
    return f"{readings.text('rcode')} {', '.join(answers[:3])}{more}"[:200].strip()


def _one(readings: Readings) -> list[Part]:
    question, section = readings.text("question"), readings.text("section")
    alias, ttl = readings.text("alias"), readings.text("ttl_min")
    # In another section, or among all types, a record may be anybody's.
    name, kind = _owner(question) if not section else ("", "")
    start = f"{alias or name} {ttl} {kind} " if name and ttl else ""
    head = part(
        fact("code", readings.text("rcode"), _flags(readings)),
        fact("question", question),
        Fact(section or "answer", _answers(readings, start)),
        fact("alias of", alias),
        fact("ttl", "" if start else _seconds(ttl)),
        fact("serial", readings.text("serial")),
        fact("error", readings.text("extended_error"), tone="degraded"),
    )
    server = part(
        fact("resolver", *(readings.text(n) for n in ("resolver", "transport"))),
        fact("server id", readings.text("nsid")),
        fact("size", _size(readings)),
        fact("ignored", readings.text("ignored"), tone="degraded"),
    )
    return [head, server, session(readings), *certificate(readings)]


def _owner(question: str) -> tuple[str, str]:
    """Return the name of a question, and its class and type."""
    name, _, kind = question.partition(" ")
    return ("", "") if kind.endswith(" ANY") else (name, kind)


def _flags(readings: Readings) -> str:
    told = {short: readings.flag(name) for name, short in FLAGS.items()}
    known = [short for short, is_set in told.items() if is_set is not None]
    if not known:
        return ""
    return f"flags: {' '.join(short for short in known if told[short]) or 'none'}"


def _answers(readings: Readings, start: str) -> tuple[str, ...]:
    """Return the records, each with *start* before it, and how many there are."""
    answers, count = readings.texts("answers"), readings.number("answers_count")
    lines = [start + one for one in answers]
    if count is not None and count > len(answers):
        lines.append(f"… {count:.0f} in all")
    return tuple(lines)


def _seconds(text: str) -> str:
    return f"{text} s" if text else ""


def _size(readings: Readings) -> str:
    own, edns = readings.text("size"), readings.text("edns_size")
    said = [own and f"{own} bytes", edns and f"server takes up to {edns}"]
    return ", ".join(one for one in said if one)
