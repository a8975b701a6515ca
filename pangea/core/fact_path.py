"""What is said of a path: every hop with its loss and times, as mtr has them."""

from .fact import Fact, Part, Readings, fact, in_columns, part

TITLES = ("hop", "address", "loss %", "sent", "last ms", "avg", "best", "worst")
SILENT = "*"


def view(readings: Readings) -> list[Part]:
    """Return the table of hops, then where it led."""
    hops, reached = readings.tables("hops"), readings.flag("reached")
    end = "" if reached is None else "reached" if reached else "not reached"
    target = part(
        fact("target", readings.text("address"), end, _count(readings)),
        fact("mode", readings.text("mode")),
    )
    return [part(Fact("", _table(hops), columns=True)), target]


def gist(readings: Readings) -> str:
    """Return how many hops there are, and whether the target was reached."""
    reached, said = readings.flag("reached"), _count(readings)
    return f"{said}, not reached" if reached is False and said else said


def _count(readings: Readings) -> str:
    count = readings.text("hop_count")
    return f"{count} hop{'' if count == '1' else 's'}" if count else ""


def _table(hops: list[Readings]) -> tuple[str, ...]:
    if not hops:
        return ()
    rows = [row for hop in hops for row in _rows(hop)]
    return in_columns([TITLES, *rows], "rlrrrrrr")


def _rows(hop: Readings) -> list[tuple[str, ...]]:
    """Return the line of *hop*, and one for each other address that answered."""
    ttl, address = hop.text("ttl"), hop.text("address") or SILENT
    rtts, loss = hop.numbers("rtts_ms"), hop.number("loss_pct")
    known = [rtt for rtt in rtts if rtt is not None]
    times = [""] * 4
    if known:
        spent = (known[-1], sum(known) / len(known), min(known), max(known))
        times = [f"{one:.1f}" if one >= 10 else f"{one:.2f}" for one in spent]
    lost = "" if loss is None else f"{loss:.0f}"
    first = (ttl, address, lost, str(len(rtts)), *times)
    others = [one for one in hop.texts("addresses") if one != address]
    return [first, *(("", one, *[""] * 6) for one in others)]
