"""What happens in the demo, as a function of the time since it began."""

from typing import Literal, NamedTuple

Kind = Literal["http", "https", "tcp", "dns"]
State = Literal["well", "broken", "gone", "slow"]

#: The story begins anew after so many seconds.
ROUND_S = 240.0
#: In each round this worker does not reach the targets, from and to these seconds.
ISOLATED = "tokyo"
CUT_S = (60.0, 110.0)
#: (name, region) of the workers.
PLACES = (
    ("nyc", "us"),
    ("london", "eu"),
    ("tokyo", "asia"),
    ("sydney", "oceania"),
    ("nairobi", "africa"),
)


class Spell(NamedTuple):
    """From ``begin`` to ``end`` seconds of each round a target is ``state``."""

    begin: float
    end: float
    state: State


class Target(NamedTuple):
    """Something to watch: its name, what it is, how slow it is when it is well."""

    name: str
    kind: Kind
    team: str
    usual_ms: float
    spells: tuple[Spell, ...] = ()


_SLOW = Spell(20, 90, "slow")
TARGETS = (
    Target("shop", "http", "web", 24, (Spell(15, 50, "broken"),)),
    Target("search", "http", "web", 31, (_SLOW, Spell(170, 210, "slow"))),
    Target("login", "http", "web", 12),
    Target("api", "http", "core", 8, (Spell(130, 160, "gone"),)),
    Target("billing", "http", "core", 18),
    Target("wiki", "http", "office", 45),
    Target("intranet-cert", "https", "office", 9),
    Target("mail", "tcp", "office", 2),
    Target("db-primary", "tcp", "core", 1, (Spell(132, 160, "gone"),)),
    Target("resolver", "dns", "core", 3),
)


def state(target: Target, seconds: float) -> State:
    """Return how *target* is, so many seconds after the demo began."""
    at = seconds % ROUND_S
    for spell in target.spells:
        if spell.begin <= at < spell.end:
            return spell.state
    return "well"


def delay_s(target: Target, seconds: float, chance: float) -> float:
    """Return how long *target* thinks; *chance* is from 0 to 1."""
    slow = 12.0 if state(target, seconds) == "slow" else 1.0
    return target.usual_ms / 1000 * slow * (0.8 + 0.4 * chance)


def cut(seconds: float) -> bool:
    """Return whether the isolated worker reaches nothing now."""
    return CUT_S[0] <= seconds % ROUND_S < CUT_S[1]
