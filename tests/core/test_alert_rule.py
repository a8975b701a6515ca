"""Whom a rule is about, and when it tells."""

from datetime import UTC, datetime
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pangea.core.alert_rule import (
    About,
    AlertRule,
    Escalation,
    checked,
    default_rule,
    is_like,
    is_open,
    matches,
    why_not,
)
from pangea.core.errors import UsageError
from pangea.core.maintenance import parse_weekly
from pangea.core.notice import Notice

RULE = AlertRule(name="r")
NOTICE = Notice(
    key="k", kind="down", severity="critical", org=1, at_us=1, since_us=1, title="web"
)
WEB = About("web-1", {"team": "shop"}, ("eu",))


@pytest.mark.parametrize(
    ("said", "told"),
    [
        pytest.param({}, True, id="what is empty matches everything"),
        pytest.param({"enabled": False}, False, id="a rule that is disabled"),
        pytest.param({"org": 2}, False, id="another organisation"),
        pytest.param({"kinds": ("down", "unknown")}, True, id="one of its kinds"),
        pytest.param({"kinds": ("degraded",)}, False, id="another kind"),
        pytest.param({"severity": "critical"}, True, id="as bad as it wants"),
        pytest.param({"jobs": ("web-*",)}, True, id="a pattern"),
        pytest.param({"jobs": ("db", "web-?")}, True, id="one of the patterns"),
        pytest.param({"jobs": ("web",)}, False, id="not the whole name"),
        pytest.param({"labels": {"team": "shop"}}, True, id="its label"),
        pytest.param({"labels": {"team": "shop", "x": "y"}}, False, id="not all"),
        pytest.param({"regions": ("us", "eu")}, True, id="one of the regions"),
        pytest.param({"regions": ("us",)}, False, id="another region"),
    ],
)
def test_a_rule_is_about_what_all_its_conditions_say(said, told):
    rule = replace(RULE, **said)
    assert matches(rule, NOTICE, lambda: [WEB]) is told
    assert bool(why_not(rule, NOTICE, lambda: [WEB])) is not told


def test_one_job_of_a_storm_has_to_have_all_that_a_rule_asks_for():
    rule = replace(RULE, jobs=("db-*",), labels={"team": "shop"})
    other = About("db-1", {"team": "ops"}, ())
    assert not matches(rule, NOTICE, lambda: [WEB, other])
    assert matches(rule, NOTICE, lambda: [WEB, About("db-2", {"team": "shop"}, ())])


def test_who_asks_for_the_worst_is_not_told_of_less():
    notice = replace(NOTICE, severity="warning")
    assert not matches(replace(RULE, severity="critical"), notice, list)


def test_the_default_rule_tells_of_down_and_of_what_needs_a_person_only():
    rule = replace(default_rule(1), id=1)
    assert matches(checked(rule), NOTICE, list)
    lost = replace(NOTICE, kind="worker-lost", severity="warning")
    assert matches(rule, lost, list)
    for kind, severity in (("degraded", "warning"), ("changed", "info")):
        notice = replace(NOTICE, kind=kind, severity=severity)
        assert not matches(rule, notice, list)


@pytest.mark.parametrize(
    ("week", "at", "told"),
    [
        ("mon-fri@08:00-18:00", "2026-01-05T07:00", True),  # 08:00 in Paris
        ("mon-fri@08:00-18:00", "2026-01-05T06:59", False),
        ("mon-fri@08:00-18:00", "2026-01-05T17:00", False),
        ("mon-fri@08:00-18:00", "2026-01-04T10:00", False),  # a Sunday
        ("mon-fri@08:00-18:00", "2026-07-06T06:00", True),  # summer time
        ("fri@22:00-06:00", "2026-01-09T21:30", True),
        ("fri@22:00-06:00", "2026-01-10T04:59", True),  # the morning after it
        ("fri@22:00-06:00", "2026-01-10T05:00", False),
        ("fri@22:00-06:00", "2026-01-09T04:59", False),
        ("@00:00-24:00", "2026-01-09T23:30", True),
    ],
)
def test_the_hours_of_a_rule_go_by_the_clocks_of_its_zone(week, at, told):
    rule = replace(RULE, hours=parse_weekly(week), zone="Europe/Paris")
    when = datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp()
    assert is_open(rule, when) is told


@pytest.mark.parametrize(
    "said",
    [
        {"kinds": ("recovered",)},
        {"zone": "Mars/Olympus"},
        {"escalations": (Escalation(0.0, (1,)),)},
        {"escalations": (Escalation(9.0, (1,)), Escalation(5.0, (1,)))},
        {"escalations": tuple(Escalation(float(n), (1,)) for n in range(1, 13))},
        {"escalations": (Escalation(1e9, (1,)),)},
        {"remind_s": 5.0},
        {"factor": 0.5},
        {"older_s": 1e9},
    ],
)
def test_what_cannot_be_carried_out_is_refused_when_it_is_said(said):
    with pytest.raises(UsageError):
        checked(replace(RULE, **said))


@given(st.text("ab.", max_size=8), st.text("ab.*?", max_size=8))
def test_patterns_are_those_of_a_shell(name, pattern):
    assert is_like(name, pattern) is fnmatchcase(name, pattern)


def test_a_pattern_of_many_stars_takes_no_time():
    assert not is_like("a" * 63, "*a" * 100 + "b")
