"""The port of a coordinator: what is served on it, and where others find it."""

from collections.abc import MutableMapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pangea.background import Background
from pangea.core.config import NodeConfig
from pangea.mesh.dial import Address
from pangea.state_dir import admin_token
from pangea.web.accounts import Accounts
from pangea.web.ack_pages import ACKS
from pangea.web.api_alert_rules import RULES
from pangea.web.api_backtest import TRIALS
from pangea.web.api_channels import CHANNELS
from pangea.web.api_deliveries import DELIVERIES
from pangea.web.api_dependencies import DEPENDENCIES
from pangea.web.api_dials import DIALS
from pangea.web.api_drill import DRILLS
from pangea.web.api_explain import EXPLAIN
from pangea.web.api_export import EXPORTS
from pangea.web.api_gaps import GAPS
from pangea.web.api_incidents import INCIDENTS
from pangea.web.api_judging import JUDGING
from pangea.web.api_maintenance import MAINTENANCE
from pangea.web.api_mesh import MESH_SERVICE
from pangea.web.api_metrics import METRICS
from pangea.web.api_notes import NOTES
from pangea.web.api_past import PAST
from pangea.web.api_probes import PROBES
from pangea.web.api_queries import QUERIES
from pangea.web.api_secrets import SECRETS
from pangea.web.api_timeline import TIMELINES
from pangea.web.api_workers import WORKERS
from pangea.web.app import make_app
from pangea.web.login import LOGINS
from pangea.web.pouring import POURING, Pouring
from pangea.web.server import serve
from pangea.web.settings_system import KEPT

from .alert_service import RuleService
from .backup_start import keep_backups, source_of
from .channel_service import ChannelService
from .coordinator import Coordinator
from .delivery_service import DeliveryService
from .dependency_service import DependencyService
from .dial_service import DialService
from .drill_service import DrillService
from .explain_service import ExplainService
from .export_service import ExportService
from .gap_service import GapService
from .greeting import join_lines
from .incident_service import IncidentService
from .judging_service import JudgingService
from .maintenance_service import MaintenanceService
from .mesh_service import MeshService
from .metrics_service import MetricsService
from .note_service import NoteService
from .past_service import PastService
from .probe_service import ProbeService
from .query_service import QueryService
from .secret_service import SecretService
from .service import CoordinatorService
from .timeline_service import TimelineService
from .tls import note_here, open_certificate, places_of, site_of, url_of
from .trial_service import TrialService
from .worker_service import WorkerService


@dataclass(frozen=True, slots=True)
class Front:
    """What was opened: where this machine reaches it, and the URLs for others."""

    here: Address
    host: str
    places: list[str]
    fingerprint: str = ""


async def open_front(
    config: NodeConfig,
    state_dir: Path,
    coordinator: Coordinator,
    accounts: Accounts,
    name: str,
    background: Background,
    stack: AsyncExitStack,
) -> Front:
    """Serve *coordinator* on its port until *stack* ends. Raises ConfigError."""
    service = CoordinatorService(
        coordinator,
        name=name,
        own_url="",
        intervals=config.defaults.interval,
    )
    certificate = open_certificate(config, state_dir, coordinator.clock)
    token = admin_token(state_dir / "admin.token")
    site = site_of(config, certificate, token)
    app = make_app(
        service,
        coordinator.hub,
        accounts,
        accept_link=coordinator.reception.accept,
        site=site,
    )
    members = WorkerService(coordinator)
    app[WORKERS] = members
    offer(app, coordinator, service)
    app[PROBES] = probes = ProbeService(coordinator)
    source = source_of(config, state_dir, name)
    keep_backups(config, source, app, service, background, coordinator.clock)
    host, port = config.listen
    tls = certificate.context if certificate else None
    if certificate:
        service.troubles.append(lambda: certificate.trouble)
    running = await serve(app, host, port, tls=tls)
    here = Address(reached_at(host), running.port, running.secure)
    service.own_url = url_of(here)
    places = places_of(config, certificate, host, running.port)
    members.places = probes.own = places
    service.troubles.append(coordinator.alerting.troubles)
    # Not where this machine alone finds it, if others do elsewhere.
    coordinator.alerting.reached_at((places[1:] or places or [service.own_url])[0])
    service.join = join_lines(state_dir, places, public=config.server.public)
    note_here(state_dir, service.own_url, certificate, background)
    stack.push_async_callback(running.stop)
    shown = certificate.shown.fingerprint if certificate else ""
    return Front(here, host, places, shown)


def offer(
    app: MutableMapping[Any, Any], coordinator: Coordinator, service: CoordinatorService
) -> None:
    """Let *app* answer what else there is to ask of *coordinator*."""
    app[SECRETS] = SecretService(coordinator)
    app[MESH_SERVICE] = MeshService(coordinator)
    app[DIALS] = DialService(coordinator)
    app[GAPS] = GapService(coordinator)
    app[CHANNELS] = ChannelService(coordinator)
    app[RULES], app[DELIVERIES] = RuleService(coordinator), DeliveryService(coordinator)
    app[INCIDENTS] = IncidentService(coordinator)
    app[ACKS] = coordinator.alerting.acks
    app[LOGINS] = coordinator.alerting.own_mail.logged_in
    app[NOTES] = NoteService(coordinator)
    app[DEPENDENCIES] = DependencyService(coordinator, service)
    app[DRILLS] = DrillService(coordinator)
    app[MAINTENANCE] = MaintenanceService(coordinator)
    app[PAST] = PastService(coordinator, service)
    app[QUERIES] = queries = QueryService(coordinator)
    app[EXPORTS], app[POURING] = ExportService(coordinator, queries), Pouring()
    app[TIMELINES] = TimelineService(coordinator)
    app[TRIALS] = TrialService(coordinator)
    app[EXPLAIN] = ExplainService(coordinator, IncidentService(coordinator))
    app[METRICS] = MetricsService(coordinator)
    app[JUDGING] = JudgingService(coordinator)
    app[KEPT] = coordinator.retention.sealing.kept


def reached_at(host: str) -> str:
    """Return where this machine itself reaches what listens on *host*."""
    return {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)
