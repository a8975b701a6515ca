"""The shape of a scenario, and of what either prober says of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: reasons that are ours, so that the outcome is no vote against the target
OURS = {"no_route", "proxy"}
#: what both may say of a run, in the order of the table
COLUMNS = (
    "success", "status", "rcode", "expiry", "cause", "chain_expiry",
    "redirects", "http_version", "tls_version", "reply_ttl", "serial",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One question, put to both probers in their own words.

    ``module`` is YAML for blackbox_exporter's *prober*. Words in braces, here
    and in targets and options, stand for ports and paths of the test's servers.
    ``reason`` is Pangea's, "" if all is well; ``compare`` are the columns that
    both must fill.
    """

    name: str
    prober: str
    target: str
    module: str
    type: str
    ours: str
    options: Mapping[str, Any]
    reason: str = ""
    compare: tuple[str, ...] = ()
    timeout_s: float = 5
    needs: tuple[str, ...] = ()

    @property
    def outcome(self) -> str:
        """What Pangea should say."""
        if not self.reason:
            return "ok"
        return "error" if self.reason in OURS else "failed"


@dataclass(frozen=True)
class Said:
    """What a prober said: a value per column, None where it says nothing.

    A cause is a reason code, or all those that blackbox_exporter's one sentence
    may mean.
    """

    values: Mapping[str, Any]
    raw: str
    causes: frozenset[str] = field(default_factory=frozenset)

    def __getitem__(self, column: str) -> Any:
        return self.values.get(column)


def differing(theirs: Said, ours: Said) -> list[str]:
    """Return the columns in which the two do not agree."""
    apart = [
        column
        for column in COLUMNS
        if column not in ("success", "cause")
        and None not in (theirs[column], ours[column])
        and theirs[column] != ours[column]
    ]
    if theirs["success"] != ours["success"]:
        return ["success", *apart]
    if not ours["success"] and ours["cause"] not in theirs.causes:
        return ["cause", *apart]
    return apart


def fill(value: Any, world: Mapping[str, object]) -> Any:
    """Return *value* with the words of *world* put in, also within containers."""
    if isinstance(value, str):
        return re.sub(r"\{(\w+)\}", lambda m: str(world.get(m[1], m[0])), value)
    if isinstance(value, Mapping):
        return {key: fill(one, world) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [fill(one, world) for one in value]
    return value
