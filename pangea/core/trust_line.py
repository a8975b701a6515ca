"""The trust line: how far a job's verdict can be trusted now, in one sentence."""

from collections.abc import Callable, Collection, Sequence

from msgspec import Struct

from .liveness import LEAVES_S

#: Those whose votes do not count are named up to so many.
MOST_NAMED = 3
#: What commit and messages may add, and the waits of one worker that confirms alone.
SLACK_S, ALONE_S, APART_S = 1.0, 7.0, 1.0


class Seat(Struct, frozen=True):
    """A worker of a job: why its vote does not count, "" if it does.

    ``lost_s`` is how long it has been lost, None if it is not: it leaves the
    electorate after five minutes. One that is not ``seated`` has left it already.
    """

    name: str
    why: str = ""
    lost_s: float | None = None
    seated: bool = True


class Odds(Struct, frozen=True, kw_only=True):
    """What of a job and its rule decides how soon an outage is seen.

    ``fails`` tells whether these workers, by name, of all those of the electorate make
    it down; below ``min_voters`` (0: two, or all if there are fewer) there is no new
    verdict.
    """

    interval_s: float
    timeout_s: float
    fails: Callable[[Collection[str], Collection[str]], bool]
    min_voters: int = 0
    down_rounds: int = 1


def trust_line(seats: Sequence[Seat], odds: Odds) -> str:
    """Return the line: ``1 of 3 voters, london lost 4 min, detection ≤ 70 s``."""
    if not seats:
        return "nobody is looking"
    voting = sum(not seat.why for seat in seats)
    noun = "voter" if len(seats) == 1 else "voters"
    away = [f"{seat.name} {seat.why}" for seat in seats if seat.why]
    named = away[:MOST_NAMED]
    if len(away) > MOST_NAMED:
        named.append(f"{len(away) - MOST_NAMED} more do not vote")
    bound = detection_s(seats, odds)
    end = f"detection ≤ {in_words(bound)}" if bound else "no outage can be confirmed"
    return ", ".join([f"{voting} of {len(seats)} {noun}", *named, end])


def detection_s(seats: Sequence[Seat], odds: Odds) -> float | None:
    """Return within how many seconds an outage is confirmed; None if it cannot be.

    Those who are lost are waited for until they leave, if they are needed.
    """
    voting = [seat.name for seat in seats if not seat.why]
    there = {
        seat.name: seat.lost_s
        for seat in seats
        if seat.seated and (seat.lost_s is None or seat.lost_s < LEAVES_S)
    }
    if not voting:
        return None
    if _enough(voting, there, odds):
        return _bound(len(voting), odds)
    leaving = sorted((-lost, name) for name, lost in there.items() if lost is not None)
    for lost, name in leaving:
        del there[name]
        if _enough(voting, there, odds):
            return LEAVES_S + lost + _bound(len(voting), odds)
    return None


def _enough(voting: Collection[str], there: Collection[str], odds: Odds) -> bool:
    """Tell whether those *voting* could make it down, of all that are *there*."""
    least = odds.min_voters or min(2, len(there))
    return len(voting) >= least and odds.fails(voting, there)


def _bound(voting: int, odds: Odds) -> float:
    return promised_s(odds.interval_s, odds.timeout_s, voting, odds.down_rounds)


def promised_s(
    interval_s: float, timeout_s: float, voting: int, down_rounds: int = 1
) -> float:
    """Return within how many seconds so many voters confirm an outage, at the worst.

    Somebody looks each interval / voters, and then all do.
    """
    more = (down_rounds - 1) * (timeout_s + APART_S)
    if voting <= 1:
        return interval_s + 4 * timeout_s + ALONE_S + more
    return interval_s / voting + 2 * timeout_s + SLACK_S + more


def in_words(seconds: float) -> str:
    """Return seconds as a person says them: ``70 s``, ``4 min``, ``3 h``, ``2 d``."""
    for size, least, unit in (
        (86400, 172800, "d"),
        (3600, 7200, "h"),
        (60, 120, "min"),
    ):
        if seconds >= least:
            return f"{round(seconds / size)} {unit}"
    return f"{round(seconds)} s"
