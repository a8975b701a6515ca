"""Alert rules in memory: who wants to be told, also while the database refuses."""

from collections.abc import Callable, Iterable

from msgspec.structs import replace

from pangea.core.alert_rule import AlertRule, checked
from pangea.core.errors import Conflict, NotFound
from pangea.core.model import FIRST_ORG
from pangea.core.options import nearest
from pangea.storage import alert_rules as stored
from pangea.storage.database import Store

#: Rules that an organisation may have.
MOST_RULES = 200
#: So many that were removed are remembered, for what they told.
MOST_GONE = 200


class AlertRules:
    """The rules by organisation; ``changed`` are called after a change."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rules: dict[int, AlertRule] = {}
        self._gone: dict[int, AlertRule] = {}
        self.changed: list[Callable[[], None]] = []

    async def load(self, orgs: Iterable[int] = ()) -> None:
        """Read all rules; each organisation has the default one to begin with."""
        given = sorted({FIRST_ORG, *orgs})
        await self._store.write(lambda: stored.give_default(given))
        found = await self._store.read(stored.all)
        self._rules = {rule.id: rule for rule in found}

    def of(self, org: int) -> list[AlertRule]:
        """Return the rules of an organisation, the oldest first."""
        return [rule for rule in self._rules.values() if rule.org == org]

    def gone(self, org: int, numbers: Iterable[int]) -> list[AlertRule]:
        """Return those of *numbers* that were removed; they begin nothing more."""
        unknown = [number for number in numbers if number not in self._rules]
        return [self._gone.get(number) or _removed(number, org) for number in unknown]

    def get(self, name: str, org: int) -> AlertRule:
        """Return the rule called *name*; NotFound names the nearest one."""
        mine = {rule.name: rule for rule in self.of(org)}
        if name not in mine:
            hint = nearest(name, list(mine)) if mine else "there are no rules"
            raise NotFound(f"no rule {name[:63]!r}", hint=hint)
        return mine[name]

    def users(self, channel: int, org: int) -> list[str]:
        """Return the names of the rules that name a channel."""
        return [
            rule.name
            for rule in self.of(org)
            if channel in rule.channels
            or any(channel in step.channels for step in rule.escalations)
        ]

    def of_all_channels(self, org: int) -> list[str]:
        """Return the names of the rules that name no channel, and so tell all."""
        return [r.name for r in self.of(org) if r.enabled and not r.channels]

    async def add(self, rule: AlertRule) -> AlertRule:
        """Store a new rule. Raises UsageError, Conflict."""
        checked(rule)
        self._check_name(rule)
        if len(self.of(rule.org)) >= MOST_RULES:
            raise Conflict(f"there are {MOST_RULES} rules already")
        kept = await self._store.write(lambda: stored.add(rule))
        return self._put(kept)

    async def replace(self, rule: AlertRule) -> AlertRule:
        """Store a changed rule. Raises UsageError, Conflict."""
        checked(rule)
        self._check_name(rule)
        await self._store.write(lambda: stored.update(rule))
        return self._put(rule)

    async def remove(self, rule: AlertRule) -> None:
        """Forget a rule: whom it told hear the end of that, and nothing more by it."""
        await self._store.write(lambda: stored.remove(rule.id))
        self._rules.pop(rule.id, None)
        while len(self._gone) >= MOST_GONE:
            del self._gone[next(iter(self._gone))]
        self._gone[rule.id] = replace(rule, enabled=False)
        self._tell()

    def _check_name(self, rule: AlertRule) -> None:
        taken = [r for r in self.of(rule.org) if r.name == rule.name]
        if any(other.id != rule.id for other in taken):
            raise Conflict(
                f"there is a rule {rule.name!r} already",
                hint=f"change it: pangea rule edit {rule.name}",
            )

    def _put(self, rule: AlertRule) -> AlertRule:
        self._rules[rule.id] = rule
        self._tell()
        return rule

    def _tell(self) -> None:
        for tell in self.changed:
            tell()


def _removed(number: int, org: int) -> AlertRule:
    """Return what stands for a rule that was removed before we began."""
    return AlertRule(id=number, org=org, name="(removed)", enabled=False)
