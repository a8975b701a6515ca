"""What must and must not be reached, held against what was found."""

import pytest

from pangea.core.segment import Reach, exit_code, reach


@pytest.mark.parametrize(
    ("expect", "outcome", "sick", "seen"),
    [
        ("ok", "ok", False, Reach.REACHES),
        ("ok", "ok", True, Reach.REACHES),
        ("ok", "failed", False, Reach.MISSES),
        ("ok", "failed", True, Reach.UNTOLD),
        ("ok", "error", False, Reach.UNTOLD),
        ("fail", "ok", False, Reach.CUT),
        ("fail", "ok", True, Reach.UNTOLD),
        ("fail", "failed", False, Reach.LEAKS),
        ("fail", "failed", True, Reach.LEAKS),
        ("fail", "error", True, Reach.UNTOLD),
    ],
)
def test_what_a_result_says_of_a_wall(expect, outcome, sick, seen):
    assert reach(expect, outcome, sick=sick) is seen


def test_a_breach_weighs_more_than_what_is_not_known():
    assert exit_code([Reach.CUT, Reach.REACHES]) == 0
    assert exit_code([Reach.CUT, Reach.UNTOLD]) == 4
    assert exit_code([Reach.UNTOLD, Reach.LEAKS]) == 1
    assert exit_code([Reach.MISSES]) == 1
    assert exit_code([]) == 0
