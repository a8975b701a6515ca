"""Channels, rules, maintenance, backups and secrets of the seeded world."""

from typing import Any

from msgspec import UNSET
from msgspec.structs import asdict, replace

from pangea.core.errors import Conflict, NotFound
from pangea.core.retention_table import RetentionTable
from pangea.web.api_alert_rules import RULES
from pangea.web.api_backups import BACKUPS
from pangea.web.api_channels import CHANNELS
from pangea.web.api_deliveries import DELIVERIES
from pangea.web.api_maintenance import MAINTENANCE, MaintenanceAnswer
from pangea.web.api_secrets import SECRETS, HolderAnswer, SecretAnswer, SecretsAnswer
from pangea.web.schema import Page, moment
from pangea.web.schema_alerts import DeliveryAnswer, EscalationAnswer, RuleAnswer
from pangea.web.schema_backups import BackupAnswer, BackupBegun
from pangea.web.schema_channels import (
    ChannelAnswer,
    ChannelTest,
    ChannelType,
    OptionAnswer,
)
from pangea.web.settings_system import KEPT
from tests.seeded_world import NOW_US

NOW = moment(NOW_US)


def _given(patch: Any) -> dict[str, Any]:
    return {k: v for k, v in asdict(patch).items() if v is not UNSET}


class SeededSettings:
    """All that the settings ask; what was ``done`` is kept."""

    def __init__(self) -> None:
        self.done: list[tuple[Any, ...]] = []
        self.wrong: Exception | None = None
        self.channel = ChannelAnswer(
            name="oncall",
            type="webhook",
            place="https://hooks.example/…",
            enabled=True,
            per_minute=20,
            options={"url": "https://hooks.example/x", "secret": "********"},
            used_by=["default"],
            trouble="",
            created_at=NOW,
        )
        self.rule = RuleAnswer(
            name="default",
            enabled=True,
            kinds=["down", "certificate"],
            severity="warning",
            jobs=["web-*"],
            labels={"team": "web"},
            regions=[],
            hours="mon-fri@08:00-18:00",
            zone="UTC",
            older_s=60.0,
            channels=["oncall"],
            escalations=[EscalationAnswer(after_s=900.0, channels=["boss"])],
            remind_s=3600.0,
            factor=2.0,
            recovered=True,
        )
        self.sent = DeliveryAnswer(
            id="D1",
            at=NOW,
            state="dead",
            kind="down",
            severity="critical",
            title="shop is down",
            reason="",
            step="down",
            rule="default",
            channel="oncall",
            incident="2T4K",
            job="shop",
            message="M1",
            tries=3,
            sent_at=None,
            next_try_at=None,
            answer="500 from the hook",
            drill=False,
        )
        self.plan = MaintenanceAnswer(
            id=7,
            state="active",
            jobs=["shop"],
            labels={"team": "web"},
            workers=["london"],
            covers=2,
            schedule="once",
            zone="UTC",
            start=NOW,
            until=moment(NOW_US + 3_600_000_000),
            reason="new disks",
            by="ada",
            created_at=NOW,
        )
        self.stage = "none"

    def _do(self, *what: Any) -> None:
        if self.wrong:
            raise self.wrong
        self.done.append(what)

    def offer(self, app: Any) -> None:
        """Let *app* answer from here."""
        app[CHANNELS], app[RULES] = self, _Rules(self)
        app[DELIVERIES], app[MAINTENANCE] = _Deliveries(self), _Plans(self)
        app[SECRETS], app[BACKUPS], app[KEPT] = _Secrets(self), _Backups(self), KEEP

    async def channels(self, org: int) -> list[ChannelAnswer]:
        """Return one."""
        return [self.channel]

    def types(self) -> list[ChannelType]:
        """Return one type with an option of each sort."""
        options = [
            OptionAnswer(name="url", secret=False, default=None),
            OptionAnswer(name="secret", secret=True, default=""),
            OptionAnswer(name="method", secret=False, default="POST"),
            OptionAnswer(name="headers", secret=False, default=""),
            OptionAnswer(name="body", secret=False, default=""),
        ]
        return [ChannelType(name="webhook", does="any web hook", options=options)]

    async def add(self, org: int, spec: Any) -> ChannelAnswer:
        """Keep what was added."""
        self._do("add", spec)
        return self.channel

    async def edit(self, org: int, name: str, patch: Any) -> ChannelAnswer:
        """Keep what was changed."""
        self._do("edit", name, _given(patch))
        return self.channel

    async def remove(self, org: int, name: str) -> None:
        """Refuse: a rule uses it."""
        raise Conflict(f"rule default uses {name}", hint="change the rule first")

    async def test(self, org: int, name: str, by: str) -> ChannelTest:
        """Say that it was refused."""
        if name != self.channel.name:
            raise NotFound(f"no channel {name!r}")
        self._do("test", name, by)
        return ChannelTest(
            channel=name,
            outcome="refused",
            answer="401 who are you",
            hint="check the secret",
            took_ms=41.5,
            retry_after_s=None,
        )


class _Part:
    def __init__(self, whole: SeededSettings) -> None:
        self.whole = whole


class _Rules(_Part):
    async def rules(self, org: int) -> Page:
        return Page(items=[self.whole.rule])

    async def add(self, org: int, spec: Any) -> None:
        self.whole._do("add", spec)

    async def edit(self, org: int, name: str, patch: Any) -> None:
        self.whole._do("edit", name, _given(patch))

    async def remove(self, org: int, name: str) -> None:
        self.whole._do("remove", name)


class _Deliveries(_Part):
    async def deliveries(self, org: int, asked: Any) -> Page:
        return Page(items=[self.whole.sent])

    async def retry(self, org: int, id_: str) -> None:
        self.whole._do("retry", id_)


class _Plans(_Part):
    async def plans(self, org: int, limit: int = 100, before: Any = None) -> Page:
        over = replace(self.whole.plan, id=3, state="over")
        return Page(items=[self.whole.plan, over])

    async def add(self, org: int, by: str, spec: Any) -> None:
        self.whole._do("plan", by, spec)

    async def end(self, org: int, number: int) -> None:
        self.whole._do("end", number)


class _Secrets(_Part):
    async def status(self) -> SecretsAnswer:
        behind = [] if self.whole.stage == "none" else ["tokyo"]
        holders = [
            HolderAnswer(worker=n, connected=n != "tokyo", secret="a1b2", last_seen=NOW)
            for n in ("london", "tokyo")
        ]
        secret = SecretAnswer(id="a1b2", state="current", created=NOW)
        return SecretsAnswer(
            stage=self.whole.stage,
            secrets=[secret],
            workers=holders,
            stragglers=behind,
            deadline=None,
        )

    async def start(self) -> None:
        self.whole._do("start")

    async def use(self) -> None:
        self.whole._do("use")

    async def finish(self, body: Any) -> None:
        self.whole._do("finish", body)


class _Backups(_Part):
    async def backups(self) -> list[BackupAnswer]:
        return [BackupAnswer(name="pangea-1.backup", made_at=NOW, bytes=123_456_789)]

    def begin(self) -> BackupBegun:
        self.whole._do("backup")
        return BackupBegun(name="pangea-2.backup")


KEEP = RetentionTable()
