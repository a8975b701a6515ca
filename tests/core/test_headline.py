"""Of which member an incident speaks, also of very many."""

from pangea.core.headline import LOOKED, Member, head_of
from pangea.core.model import Verdict

DOWN, DEGRADED = Verdict.DOWN, Verdict.DEGRADED


def member(job, verdict=DOWN, well=0):
    return Member(
        job=job,
        name=f"j{job}",
        joined_us=1,
        bad_us=1,
        verdict=verdict,
        recovered_us=well,
    )


def next_head(members, worst):
    """Return of whom is spoken when the first of *members*, the head, is well again."""
    known = {m.job: m for m in members}
    before = next(iter(known.values()))
    after = known[before.job] = member(before.job, before.verdict, well=9)
    return head_of(known, before.job, 0, before, after, worst)


def test_it_is_the_first_of_the_worst():
    some = [member(1), member(2, DEGRADED), member(3, well=5), member(4), member(5)]
    assert next_head(some, DOWN) == 4
    assert next_head(some[:3], DEGRADED) == 2
    assert next_head(some[2:3], None) == 3


def test_of_very_many_it_is_one_of_the_worst_wherever_that_stands():
    for place in (1, LOOKED + 5, 5 * LOOKED - 1):
        many = [member(n, well=1) for n in range(1, 5 * LOOKED)]
        many[0], many[place - 1] = member(1), member(place)
        assert next_head(many, DOWN if place > 1 else None) == place
