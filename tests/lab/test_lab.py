from pathlib import Path

import pytest

from tests.lab.run import Plan, run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.netns,
    pytest.mark.needs("faketime", "strace"),
    pytest.mark.timeout(180),
]


def test_a_short_run_loses_nothing(tmp_path: Path, source: Path):
    lines: list[str] = []
    plan = Plan(seed=4, rounds=8, every=8)
    outcome = run(plan, tmp_path / "lab", lines.append, source)
    assert outcome.good, "\n".join([*lines, outcome.trouble])
    assert outcome.done == 8
    assert outcome.report.stored > 100
