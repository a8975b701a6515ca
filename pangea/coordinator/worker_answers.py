"""What a worker looks like to the API: how it is, and what a person should know."""

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from pangea.core.durations import clock_words
from pangea.core.liveness import Presence
from pangea.core.model import Worker
from pangea.core.worker_time import error_bound_us
from pangea.mesh.identity import node_id
from pangea.mesh.messages import Heartbeat
from pangea.mesh.probe_messages import Check
from pangea.storage.tokens import StoredToken
from pangea.storage.workers import Revocation
from pangea.web.schema import WorkerAnswer, moment
from pangea.web.schema_health import CheckAnswer
from pangea.web.schema_tokens import TokenState

from .board import Board
from .clock_marks import ills_of_spool
from .mesh_desk import MeshDesk
from .sickness import Sickness

#: Of one that was heard a moment ago: its vote counts still.
SUSPECT = "suspect: nothing was heard of it for some seconds"
#: Above this a worker's clock or event loop is worth a word.
OFFSET_BAD_MS = 2000.0
LAG_BAD_MS = 200.0


def worker_answer(
    board: Board,
    worker: Worker,
    vitals: Heartbeat | None,
    *,
    waiting: bool = False,
    twin: str = "",
    withheld: bool = False,
    path: str = "",
    dialled: str = "",
    presence: Presence,
    mesh: MeshDesk,
    sickness: Sickness,
) -> WorkerAnswer:
    """Return a worker and, if it is linked, how it is.

    *waiting*: its link is open until a person decides; *twin*: two machines use its
    identity; *withheld*: it lacks credentials; *path* and *dialled*: how it is linked.
    """
    jobs = sum(worker.id in placed.slots for placed in board.placements.values())
    peers, peers_linked, peer_rtt_ms = mesh.view.best(worker.id)
    via = mesh.alive_via(worker.id)
    seen, linked = board.seen.get(worker.id), worker.id in board.connected
    how = health(presence, vitals, via, sickness.cause(worker.id))
    return WorkerAnswer(
        name=worker.name,
        id=node_id(worker.key),
        state=worker.state,
        region=worker.region,
        position=worker.position,
        tags=worker.tags,
        version=worker.version,
        connected=linked or waiting,
        last_seen=moment(round(seen * 1e6)) if seen else None,
        offset_ms=vitals.offset_us / 1000 if vitals else None,
        offset_error_ms=_error_ms(vitals) if vitals else None,
        rtt_ms=vitals.rtt_us / 1000 if vitals else None,
        spool=vitals.spooled if vitals else 0,
        lag_ms=vitals.lag_ms if vitals else 0.0,
        jobs=jobs,
        lacks=worker.lacks,
        health=_state_words(worker, twin) or _rests(board, worker, how),
        trusted=worker.trusted,
        draining=worker.draining,
        added_at=moment(worker.added_at_us) if worker.added_at_us else None,
        approved_by=worker.approved_by,
        notices=[*_notices(worker, withheld, twin), *mesh.notices(worker)],
        peers=peers,
        peers_linked=peers_linked,
        peer_rtt_ms=peer_rtt_ms,
        alive_via=via or None,
        path=path or None,
        dialled=dialled or None,
        self_test=_told(sickness.checks.get(worker.id, ())),
    )


def _rests(board: Board, worker: Worker, how: str) -> str:
    """Return how a worker is, and before all that it is in maintenance."""
    if worker.id not in board.resting:
        return how
    return "in maintenance" if how == "well" else f"in maintenance, {how}"


def _told(checks: Iterable[Check]) -> list[CheckAnswer]:
    return [
        CheckAnswer(name=c.name, good=c.good, detail=c.detail, took_ms=c.took_ms)
        for c in checks
    ]


def _error_ms(vitals: Heartbeat) -> float:
    """Return how wrong the offset of a clock may be: at least half a round trip."""
    return max(vitals.error_us, error_bound_us(vitals.rtt_us)) / 1000


def shut_out(answer: WorkerAnswer, out: Revocation) -> WorkerAnswer:
    """Return *answer* with who revoked that worker, and why."""
    return replace(
        answer,
        revoked_at=moment(out.at_us) if out.at_us else None,
        revoked_by=out.by,
        revoked_reason=out.reason,
    )


def token_state(token: StoredToken, names: Mapping[bytes, str]) -> TokenState:
    """Return what became of *token*; *names* are those of the workers, by key."""
    used_by = token.used_by
    return TokenState(
        id=token.id.hex(),
        state=token.state,
        approve=token.approve,
        site=token.site,
        created_at=moment(token.created_us),
        created_by=token.created_by,
        expires_at=moment(token.expires_us),
        used_at=moment(token.used_us) if token.used_us else None,
        used_by=node_id(used_by) if used_by else None,
        worker=names.get(used_by) if used_by else None,
    )


def _state_words(worker: Worker, twin: str) -> str:
    """Return how a worker is that is not in, or is in twice; else ""."""
    if twin and worker.state == "approved":
        return "two machines use this identity"
    if worker.state == "pending":
        return "waits for approval"
    return "" if worker.state == "approved" else worker.state


def _notices(worker: Worker, withheld: bool, twin: str) -> list[str]:
    """Return what a person should know of *worker*, and may do about it."""
    notices = [twin] if twin else []
    if worker.state == "pending":
        notices.append(f"let it in: pangea worker approve {node_id(worker.key)}")
    if worker.state == "approved" and not worker.trusted and withheld:
        notices.append(
            "gets no credentials of jobs until a person approves it: "
            f"pangea worker approve {worker.name}"
        )
    if worker.wanted_name and worker.state in ("approved", "pending"):
        notices.append(
            f"calls itself {worker.wanted_name}, a name that is taken: "
            f"pangea worker rename {worker.name} NEW"
        )
    if worker.draining:
        notices.append(
            "draining, gets no new jobs; to end that: "
            f"pangea worker drain {worker.name} --off"
        )
    return notices


def health(
    presence: Presence, vitals: Heartbeat | None, via: str = "", unwell: str = ""
) -> str:
    """Return in a few words how a worker is; *via* is the peer that hears it."""
    if via:
        return f"unreachable from here, alive via {via}"
    if presence is not Presence.LINKED:
        return SUSPECT if presence is Presence.SUSPECT else "lost"
    if vitals is None:
        return unwell or "linked, and has not told yet how it is"
    ills = [unwell] if unwell else []
    if abs(vitals.offset_us) > OFFSET_BAD_MS * 1000:
        off = clock_words(-vitals.offset_us / 1e6, "the coordinator")
        ills.append(f"clock is {off}")
    if vitals.lag_ms > LAG_BAD_MS:
        ills.append(f"busy: {vitals.lag_ms:.0f} ms behind")
    if vitals.skipped:
        ills.append(f"{vitals.skipped} runs skipped, still busy with the one before")
    return ", ".join(ills + ills_of_spool(vitals)) or "well"
