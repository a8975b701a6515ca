"""Settings: what is kept and how much room it takes, backups, secrets, accounts."""

from aiohttp import web
from msgspec import Struct

from pangea.core.cost import in_bytes
from pangea.core.durations import format_duration
from pangea.core.errors import NotFound
from pangea.core.retention_table import FOREVER, RetentionTable
from pangea.core.text import safe_text

from .api_backups import BACKUPS
from .api_secrets import SECRETS, FinishBody, SecretsAnswer, SecretsService
from .forms import FormError
from .keys import ACCOUNTS, SERVICE
from .place import Visit
from .schema import StatusAnswer
from .settings_frame import field, seconds, settings_page, shaped
from .text import t
from .words import When, age, when

#: How long what is kept, as the configuration says it.
KEPT: web.AppKey[RetentionTable] = web.AppKey("kept", RetentionTable)
KINDS = ("raw", "minutes", "ten_minutes", "hours", "days")
MOST_BACKUPS = 30


class BackupRow(Struct, frozen=True):
    """A backup that was read back."""

    name: str
    at: When | None
    size: str


class SystemPart(Struct, frozen=True):
    """Storage, backups and who is logged in; pairs are of a name and a text."""

    kept: list[tuple[str, str]]
    room: list[tuple[str, str]]
    warning: str
    backups: list[BackupRow] | None
    backup_state: list[tuple[str, str]]
    can_back_up: bool
    me: list[tuple[str, str]]
    accounts: list[tuple[str, str]]


async def system(request: web.Request) -> web.StreamResponse:
    """GET /settings : what is kept, backups, who you are."""
    return await _system(request)


async def _system(
    request: web.Request, refused: FormError | None = None
) -> web.Response:
    visit = Visit(request, refused)
    status = await request.app[SERVICE].status(visit.who.org)
    accounts = await request.app[ACCOUNTS].all() if visit.who.is_admin else []
    part = SystemPart(
        kept=_kept(request.app.get(KEPT)),
        room=_room(status),
        warning=_warning(status),
        backups=await _backups(visit, status.now),
        backup_state=_backup_state(status),
        can_back_up=visit.who.is_admin and BACKUPS in request.app,
        me=[
            (t("settings.name"), safe_text(visit.who.name, 63)),
            (t("settings.role"), visit.who.role),
            (t("settings.by"), t(f"settings.by_{_way(visit)}")),
        ],
        accounts=[
            (safe_text(a.name, 63), a.role) for a in accounts if a.org == visit.who.org
        ],
    )
    return await settings_page(visit, "", part)


def _way(visit: Visit) -> str:
    return "session" if visit.who.session else "token"


def _kept(kept: RetentionTable | None) -> list[tuple[str, str]]:
    if kept is None:
        return []
    rows = []
    for name in KINDS:
        length = getattr(kept, name)
        forever = length == FOREVER
        said = FOREVER if forever else length
        shown = said if isinstance(said, str) else format_duration(float(said))
        rows.append((t(f"settings.kept_{name}"), shown))
    return rows


def _room(status: StatusAnswer) -> list[tuple[str, str]]:
    room = status.storage
    if room is None:
        return []
    free = room.free_bytes
    rows = [
        (t("settings.bytes"), in_bytes(room.bytes)),
        (t("settings.per_day"), in_bytes(room.bytes_per_day)),
        (t("settings.forecast"), in_bytes(room.forecast_bytes)),
        (t("settings.free"), "" if free is None else in_bytes(free)),
        (t("settings.full_in"), _full_in(status)),
        (t("settings.shrinks"), t("settings.yes" if room.shrinks else "settings.no")),
    ]
    return [(name, text) for name, text in rows if text]


def _full_in(status: StatusAnswer) -> str:
    """Return when the disk is full, if what is still to come does not fit."""
    room = status.storage
    if room is None or room.free_bytes is None or room.bytes_per_day <= 0:
        return ""
    if room.forecast_bytes - room.bytes <= room.free_bytes:
        return t("settings.never_full")
    return age(room.free_bytes / room.bytes_per_day * 86400)


def _warning(status: StatusAnswer) -> str:
    room = status.storage
    if room is None or room.free_bytes is None:
        return ""
    fits = room.forecast_bytes - room.bytes <= room.free_bytes
    return "" if fits else t("settings.too_small")


def _backup_state(status: StatusAnswer) -> list[tuple[str, str]]:
    told = status.backup
    if told is None:
        return []
    last, coming = when(told.last_at, status.now), when(told.next_at, status.now)
    return [
        (t("settings.backup_every"), age(told.every_s)),
        (t("settings.backup_kept"), str(told.kept)),
        (t("settings.backup_last"), last.exact if last else t("settings.none_yet")),
        (t("settings.backup_next"), coming.exact if coming else "–"),
        (
            t("settings.backup_now"),
            t("settings.running" if told.running else "settings.resting"),
        ),
    ]


async def _backups(visit: Visit, now: str) -> list[BackupRow] | None:
    service = visit.request.app.get(BACKUPS)
    if service is None or not visit.who.is_admin:
        return None
    found = sorted(await service.backups(), key=lambda b: b.made_at, reverse=True)
    return [
        BackupRow(safe_text(b.name, 100), when(b.made_at, now), in_bytes(b.bytes))
        for b in found[:MOST_BACKUPS]
    ]


async def back_up(request: web.Request) -> web.StreamResponse:
    """POST /settings/backup : make a backup now."""
    data, service = await request.post(), request.app.get(BACKUPS)
    if service is None:
        raise NotFound("no backups are scheduled here")
    try:
        with FormError.catching(data):
            service.begin()
    except FormError as error:
        return await _system(request, error)
    raise web.HTTPSeeOther("/settings#backups")


class HolderRow(Struct, frozen=True):
    """A worker and the secret that it dials with."""

    worker: str
    connected: bool
    secret: str
    seen: When | None
    behind: bool


class SecretsPart(Struct, frozen=True):
    """How far a rotation is."""

    stage: str
    words: str
    secrets: list[tuple[str, str, When | None]]
    workers: list[HolderRow]
    stragglers: list[str]
    deadline: When | None


async def secrets(request: web.Request) -> web.StreamResponse:
    """GET /settings/secrets : the cluster's secrets by their ids."""
    return await _secrets(request)


async def _secrets(
    request: web.Request, refused: FormError | None = None
) -> web.Response:
    visit = Visit(request, refused)
    told = await _service(request).status()
    part = _secrets_part(told, await visit.now())
    return await settings_page(visit, "secrets", part)


def _secrets_part(told: SecretsAnswer, now: str) -> SecretsPart:
    behind = set(told.stragglers)
    return SecretsPart(
        stage=told.stage,
        words=t(f"settings.stage_{told.stage}"),
        secrets=[
            (safe_text(s.id, 63), safe_text(s.state, 30), when(s.created, now))
            for s in told.secrets
        ],
        workers=[
            HolderRow(
                safe_text(w.worker, 63),
                w.connected,
                safe_text(w.secret or "–", 63),
                when(w.last_seen, now),
                w.worker in behind,
            )
            for w in told.workers
        ],
        stragglers=[safe_text(name, 63) for name in told.stragglers],
        deadline=when(told.deadline, now),
    )


async def rotate(request: web.Request) -> web.StreamResponse:
    """POST /settings/secrets/{step} : start, use or finish a rotation."""
    data, step = await request.post(), request.match_info["step"]
    service = _service(request)
    try:
        with FormError.catching(data):
            if step == "start":
                await service.start()
            elif step == "use":
                await service.use()
            elif step == "finish":
                within = seconds(data, "within") or None
                force = field(data, "force") == "yes"
                said = {"force": force, "within_s": within}
                await service.finish(shaped(said, FinishBody))
            else:
                raise NotFound("a rotation has no such step")
    except FormError as error:
        return await _secrets(request, error)
    raise web.HTTPSeeOther("/settings/secrets")


def _service(request: web.Request) -> SecretsService:
    service = request.app.get(SECRETS)
    if service is None:
        raise NotFound("this coordinator does not keep the cluster's secrets")
    return service
