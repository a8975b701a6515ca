"""What is said between who wants templates rendered and the child that does."""

from typing import Any

from msgspec import Struct


class Asked(Struct, frozen=True, kw_only=True):
    """What the child is told: render all ``templates`` with the values of each case.

    With ``html`` values are escaped.
    """

    templates: list[str]
    cases: list[dict[str, Any]]
    limit: int
    html: bool = False


class Answered(Struct, frozen=True, kw_only=True):
    """What the child says: all texts, or what is wrong with template ``at``."""

    texts: list[str] = []
    error: str = ""
    at: int = 0
    line: int = 0
