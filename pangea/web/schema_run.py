"""What is told of runs that somebody asked for."""

from msgspec import Struct


class RunAnswer(Struct, frozen=True, kw_only=True):
    """Which workers were asked to probe at once."""

    job: str
    asked: list[str]
