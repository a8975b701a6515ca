"""Workers that a job names and that are not there: it must not run nowhere unseen."""

from pangea.core.model import PUSHED, Job

from .board import Board

#: Why a worker of some state runs nothing.
WHY = {
    "pending": "it waits for approval",
    "revoked": "it was revoked",
    "removed": "it was removed from the list",
}
NOBODY = "no worker has this name"


def absent(board: Board, job: Job) -> dict[str, str]:
    """Return the workers that *job* names and that cannot probe it, each with why."""
    if job.type in PUSHED or job.on == "all" or ":" in job.on:
        return {}
    placed = board.placements.get(job.id) or board.preview(job)
    known = {*placed.refused, *job.stopped_on, *(w.name for w in placed.workers)}
    unknown = [name for name in job.on.split(",") if name not in known]
    if not unknown:
        return {}
    here: set[str] = set()
    gone: dict[str, str] = {}
    for worker in board.workers.values():
        if worker.org == job.org and worker.state == "approved":
            here.add(worker.name)
        elif worker.org == job.org:
            gone[worker.name] = WHY.get(worker.state, worker.state)
    return {name: gone.get(name, NOBODY) for name in unknown if name not in here}


def notices(board: Board, job: Job) -> list[str]:
    """Return what a person should know of where *job* runs, and may do about it."""
    missing = absent(board, job)
    said = [f"worker {name} is not there: {why}" for name, why in missing.items()]
    if missing:
        said.append(f"to run it elsewhere: pangea job edit {job.name} --on WHO")
    elif job.on.startswith("tag:") and job.type not in PUSHED:
        placed = board.placements.get(job.id) or board.preview(job)
        if job.enabled and not (placed.workers or placed.refused or job.stopped_on):
            said.append(f"no worker has {job.on.replace(':', ' ')}, so it runs nowhere")
    return said
