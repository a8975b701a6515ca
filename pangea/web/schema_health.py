"""What a worker found out about itself, as the API tells it."""

from msgspec import Struct


class CheckAnswer(Struct, frozen=True, kw_only=True):
    """A part of a worker's self-test; ``detail`` says what is wrong, or not counted."""

    name: str
    good: bool
    detail: str
    took_ms: float
