"""The members of an incident, and which of them its headline speaks of."""

import itertools
from collections.abc import Iterable

from msgspec import Struct

from .cause import Cause
from .model import Verdict

#: So many members are looked at from the first on, and then from the last.
LOOKED = 100


class Member(Struct, frozen=True, kw_only=True):
    """A job of an incident; ``recovered_us`` is 0 while it is not well.

    ``joined_us`` is when it first was, ``bad_us`` when it last became unwell.
    """

    job: int
    name: str
    joined_us: int
    bad_us: int
    verdict: Verdict
    reason: str = ""
    recovered_us: int = 0


def root_of(causes: tuple[Cause, ...], members: Iterable[Member]) -> int:
    """Return which of *members* is the job that all others depend on, else 0."""
    if not causes or causes[0].kind != "dependency":
        return 0
    return next((m.job for m in members if m.name == causes[0].value), 0)


def head_of(
    members: dict[int, Member],
    head: int,
    root: int,
    before: Member | None,
    after: Member,
    worst: Verdict | None,
) -> int:
    """Return the job to speak of now that one member, known as *before*, is *after*.

    It is the root while that is unwell, else the first of the *worst* (None: all are
    well), of very many one of them; *head* so far.
    """
    held = members.get(head)
    if held is not None and head != after.job:
        return after.job if _rank(after, root) > _rank(held, root) else head
    if before is None or _rank(after, root) >= _rank(before, root):
        return after.job
    if root in members and not members[root].recovered_us:
        return root
    if worst is None:
        return after.job
    # As a storm ends the first are well again, thousands of them.
    each = members.values()
    looked = itertools.chain(itertools.islice(each, LOOKED), reversed(each))
    found = (m.job for m in looked if not m.recovered_us and m.verdict is worst)
    return next(found, after.job)


def _rank(member: Member, root: int) -> tuple[bool, bool, bool]:
    """Return how much a member says of the whole."""
    unwell = not member.recovered_us
    return unwell, unwell and member.job == root, member.verdict is Verdict.DOWN
