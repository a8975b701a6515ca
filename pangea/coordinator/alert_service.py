"""Alert rules as the web sees them (``pangea.web.api_alert_rules``)."""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import UNSET
from msgspec.structs import asdict, replace

from pangea.core.alert_rule import AlertRule, Escalation, is_open, why_not
from pangea.core.errors import UsageError
from pangea.core.maintenance import Weekly, parse_weekly
from pangea.core.model import Job
from pangea.core.notice import Notice, Severity
from pangea.core.text import safe_text
from pangea.web.schema import Page
from pangea.web.schema_alerts import (
    Escalate,
    EscalationAnswer,
    RuleAnswer,
    RulePatch,
    RuleSpec,
    WouldTell,
)

from .alert_incidents import SEVERITY as OF_INCIDENTS
from .alert_sources import SEVERITY as OF_SOURCES
from .coordinator import Coordinator

SEVERITY: dict[str, Severity] = {
    **OF_INCIDENTS,
    **OF_SOURCES,
    "certificate": "critical",
    "changed": "info",
    "gap": "warning",
}
#: What happens once: nothing follows the first message.
ONCE = ("certificate", "changed", "gap")


class RuleService:
    """Translates names of channels to their numbers, and back."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._c = coordinator
        self._channels = coordinator.alerting.channels
        self._paging = coordinator.alerting.paging
        self._rules = coordinator.alerting.paging.rules

    async def rules(self, org: int) -> Page:
        """Return all rules, the oldest first."""
        return Page(items=[self._answer(r) for r in self._rules.of(org)], next=None)

    async def rule(self, org: int, name: str) -> RuleAnswer:
        """Return one rule."""
        return self._answer(self._rules.get(name, org))

    async def add(self, org: int, spec: RuleSpec) -> RuleAnswer:
        """Add a rule; it looks at what is wrong already."""
        given = self._given(org, asdict(spec))
        return self._answer(await self._rules.add(AlertRule(org=org, **given)))

    async def edit(self, org: int, name: str, patch: RulePatch) -> RuleAnswer:
        """Change a rule; what it has told stays told."""
        held = self._rules.get(name, org)
        said = {k: v for k, v in asdict(patch).items() if v is not UNSET}
        changed = replace(held, **self._given(org, said))
        return self._answer(await self._rules.replace(changed))

    async def remove(self, org: int, name: str) -> None:
        """Remove a rule."""
        await self._rules.remove(self._rules.get(name, org))

    async def would_tell(self, org: int, job: str, kind: str) -> Page:
        """Return what each rule would do if *job* had such an alert now."""
        found = self._c.board.job(job, org)
        items = [self._would(rule, found, kind) for rule in self._rules.of(org)]
        return Page(items=items, next=None)

    def _would(self, rule: AlertRule, job: Job, kind: Any) -> WouldTell:
        now = self._c.clock.wall()
        about = self._paging.incidents.about(job)
        notice = Notice(
            key="",
            kind=kind,
            severity=SEVERITY[kind],
            org=job.org,
            at_us=0,
            since_us=0,
            title=job.name,
            job=job.id,
        )
        steps = self._steps(rule)[: 1 if kind in ONCE else None]
        why = why_not(rule, notice, lambda: [about])
        if not why and self._c.board.maintained.get(job.id):
            why = self._c.board.maintained[job.id]
        if not why and not any(step.channels for step in steps):
            why = "there is no channel: pangea channel add"
        if not why and not is_open(rule, now):
            why = f"not now, but at {rule.hours} ({rule.zone}) if it lasts"
        return WouldTell(
            rule=rule.name,
            tells=not why,
            why_not=why,
            steps=[] if why else steps,
            remind_s=0.0 if kind in ONCE else rule.remind_s,
        )

    def _steps(self, rule: AlertRule) -> list[EscalationAnswer]:
        """Return who is told, and after how long; the first step first."""
        enabled = self._paging.everybody(rule.org)
        plan = [(rule.older_s, rule.channels or enabled)]
        plan += [(rule.older_s + e.after_s, e.channels) for e in rule.escalations]
        return [
            EscalationAnswer(
                after_s=after_s,
                channels=self._names(c for c in channels if c in enabled),
            )
            for after_s, channels in plan
        ]

    def _given(self, org: int, said: Mapping[str, Any]) -> dict[str, Any]:
        """Return what was given as a rule has it. Raises UsageError, NotFound."""
        given = dict(said)
        for name in ("jobs", "regions"):
            if name in given:
                given[name] = tuple(safe_text(text, 200) for text in given[name])
        if "kinds" in given:
            given["kinds"] = tuple(given["kinds"])
        if "labels" in given:
            given["labels"] = {
                safe_text(k, 63): safe_text(v, 200) for k, v in given["labels"].items()
            }
        if "hours" in given:
            given["hours"] = _week(given["hours"])
        if "channels" in given:
            given["channels"] = self._numbers(org, given["channels"])
        if "escalations" in given:
            given["escalations"] = tuple(
                self._escalation(org, each) for each in given["escalations"]
            )
        return given

    def _escalation(self, org: int, each: Escalate) -> Escalation:
        return Escalation(each.after_s, self._numbers(org, each.channels))

    def _numbers(self, org: int, names: Iterable[str]) -> tuple[int, ...]:
        return tuple(dict.fromkeys(self._channels.get(name, org).id for name in names))

    def _names(self, numbers: Iterable[int]) -> list[str]:
        found = (self._channels.by_id(number) for number in numbers)
        return [channel.name for channel in found if channel is not None]

    def _answer(self, rule: AlertRule) -> RuleAnswer:
        return RuleAnswer(
            name=rule.name,
            enabled=rule.enabled,
            kinds=list(rule.kinds),
            severity=rule.severity,
            jobs=list(rule.jobs),
            labels=rule.labels,
            regions=list(rule.regions),
            hours=str(rule.hours) if rule.hours else "",
            zone=rule.zone,
            older_s=rule.older_s,
            channels=self._names(rule.channels),
            escalations=[
                EscalationAnswer(after_s=e.after_s, channels=self._names(e.channels))
                for e in rule.escalations
            ],
            remind_s=rule.remind_s,
            factor=rule.factor,
            recovered=rule.recovered,
        )


def _week(text: str) -> Weekly | None:
    if not text:
        return None
    if "@" not in text:
        raise UsageError(
            f"{safe_text(text, 40)!r} are no hours of the week",
            hint="write them like mon-fri@08:00-18:00",
        )
    return parse_weekly(text)
