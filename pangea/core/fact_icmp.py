"""What is said of echo requests: each packet, then the sums as ping has them."""

from .durations import milliseconds
from .fact import Fact, Part, Readings, fact, in_columns, part

#: More packets than these are shown several to a line.
ONE_A_LINE = 10
A_ROW = 8
ODD = {"duplicates": "duplicated", "reordered": "reordered", "corrupted": "corrupted"}
STATISTICS = ("min", "avg", "max", "p50", "p95")


def view(readings: Readings) -> list[Part]:
    """Return every packet, then loss and times."""
    rtts = readings.numbers("rtts_ms")
    title = "packets" if len(rtts) <= ONE_A_LINE else "packets (ms)"
    packets = Fact(title, _packets(rtts), columns=True)
    sums = part(
        fact("address", readings.text("address")),
        fact("loss", _loss(readings)),
        Fact("times", _times(readings), columns=True),
        fact("reply ttl", readings.text("reply_ttl")),
    )
    return [part(packets), sums]


def gist(readings: Readings) -> str:
    """Return the loss; the mean is the duration of the run."""
    return _loss(readings)


def _packets(rtts: list[float | None]) -> tuple[str, ...]:
    words = ["no answer" if rtt is None else milliseconds(rtt) for rtt in rtts]
    if len(rtts) <= ONE_A_LINE:
        return in_columns([(str(i), w) for i, w in enumerate(words, 1)], "rr")
    short = ["-" if rtt is None else f"{round(rtt, 3):.4g}" for rtt in rtts]
    rows = [short[i : i + A_ROW] for i in range(0, len(short), A_ROW)]
    rows[-1] += [""] * (A_ROW - len(rows[-1]))
    named = [(f"{i * A_ROW + 1}", *row) for i, row in enumerate(rows)]
    return in_columns(named, "r" * (A_ROW + 1))


def _loss(readings: Readings) -> str:
    sent, received = readings.number("sent"), readings.number("received")
    lost = readings.number("loss_pct")
    if sent is None or received is None:
        return ""
    said = f"{sent:g} sent, {received:g} received"
    if lost is not None:
        said += f", {lost:g} % lost"
    odd = [(word, readings.number(name)) for name, word in ODD.items()]
    return ", ".join([said, *(f"{count:g} {word}" for word, count in odd if count)])


def _times(readings: Readings) -> tuple[str, ...]:
    known = [(name, readings.number(f"rtt_{name}_ms")) for name in STATISTICS]
    known.append(("jitter", readings.number("jitter_ms")))
    told = [(name, milliseconds(v)) for name, v in known if v is not None]
    if not told:
        return ()
    return in_columns([[n for n, _ in told], [v for _, v in told]], "r" * len(told))
