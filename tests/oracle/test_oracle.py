"""Pangea against blackbox_exporter: the same questions to the same servers."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping

import pytest

from pangea.probes.tools import Tools
from tests.needs import need
from tests.oracle.blackbox import Blackbox
from tests.oracle.documented import MOST_OTHERS, OTHER, WRONG, differences, untrue
from tests.oracle.faults import FAULTS
from tests.oracle.ours import ask
from tests.oracle.scenario import Said, Scenario, differing
from tests.oracle.table import ROUTED, SCENARIOS, Table
from tests.probes.namespaces import inside

pytestmark = [pytest.mark.slow, pytest.mark.oracle]

LISTED = differences()
ALL = SCENARIOS + ROUTED
NAMES = [scenario.name for scenario in ALL]


def complaints(scenario: Scenario, theirs: Said, ours: Said) -> list[str]:
    """Return all that is not as the scenario and docs/oracle.md say."""
    apart, listed = differing(theirs, ours), LISTED.get(scenario.name)
    wrong = []
    if apart != (listed.columns if listed else []):
        wrong.append(f"they differ in {apart}, docs/oracle.md lists {listed}")
    if listed:
        wrong += [f"not said: {line}" for line in untrue(listed, theirs, ours)]
    if ours["outcome"] != scenario.outcome:
        wrong.append(f"the outcome is {ours['outcome']}, wanted {scenario.outcome}")
    if ours["cause"] != scenario.reason:
        wrong.append(f"the reason is {ours['cause']!r}, wanted {scenario.reason!r}")
    for column in scenario.compare:
        if None in (theirs[column], ours[column]):
            wrong.append(f"{column} is not said: {theirs[column]}, {ours[column]}")
    return wrong


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s.name)
async def test_both_say_the_same(scenario: Scenario, oracle, words, table):
    need(*scenario.needs)
    judge(scenario, *await ask_both(scenario, oracle, words), table)


@pytest.mark.netns
@pytest.mark.parametrize("scenario", ROUTED, ids=lambda s: s.name)
def test_both_say_the_same_across_a_router(scenario: Scenario, far_oracle, table):
    near, oracle = far_oracle
    if scenario.reason == "unreachable":
        # The router's route tells us five times, and then once a second.
        time.sleep(4)
    said = inside(near, lambda: ask_both(scenario, oracle, {}))
    judge(scenario, *said, table)


async def ask_both(
    scenario: Scenario, oracle: Blackbox, words: Mapping[str, object]
) -> tuple[Said, Said]:
    """Let both ask at the same time."""
    tools = Tools()
    try:
        return await asyncio.gather(
            asyncio.to_thread(oracle.probe, scenario, words),
            ask(scenario, words, tools),
        )
    finally:
        await tools.close()


def judge(scenario: Scenario, theirs: Said, ours: Said, table: Table) -> None:
    """Fail with all that was said if something is not as it should be."""
    table.add(scenario, theirs, ours)
    wrong = complaints(scenario, theirs, ours)
    captured = f"{theirs.raw}\npangea: {ours.raw}"
    if scenario.name in FAULTS:
        assert wrong, f"mended: take {scenario.name!r} off the list of faults"
    else:
        assert wrong == [], captured


def test_no_scenario_is_there_twice():
    assert [name for name, n in Counter(NAMES).items() if n > 1] == []


def test_the_oracle_is_asked_enough():
    assert len(SCENARIOS) >= 60
    asked = Counter(column for s in SCENARIOS for column in s.compare)
    asked |= Counter("cause" for s in SCENARIOS if s.reason)
    for column in ("status", "rcode", "expiry", "cause"):
        assert asked[column] >= 15, column


def test_every_difference_that_is_listed_is_asked_about():
    assert [name for name in LISTED if name not in NAMES] == []
    assert FAULTS == {}, "a known fault is mended before a release"


def test_few_differences_are_a_matter_of_opinion():
    kinds = Counter(difference.kind for difference in LISTED.values())
    assert set(kinds) <= {WRONG, OTHER}
    assert kinds[OTHER] <= MOST_OTHERS
