"""Where a worker stands with its coordinator, in a word, and what ends that."""

from typing import Any

from pangea.core.text import safe_text


def standing(worker: dict[str, Any]) -> str:
    """Return the state of a worker as people read it: also untrusted, draining."""
    state = str(worker.get("state", ""))
    if state != "approved":
        return state
    words = [] if worker.get("trusted", True) else ["untrusted"]
    words += ["draining"] if worker.get("draining") else []
    return ", ".join(words) or state


def link(worker: dict[str, Any]) -> str:
    """Return whether a worker is connected, as a mark; one that waits is not up."""
    if worker.get("state") == "pending":
        return "waiting"
    return "up" if worker.get("connected") else "down"


def ends(worker: dict[str, Any]) -> list[tuple[str, str]]:
    """Return (what holds, the command that ends it) for *worker*."""
    name = safe_text(worker.get("name", ""), 63)
    state = worker.get("state")
    if state == "pending":
        who = safe_text(worker.get("id", ""), 80)
        wait = f"{name} waits for approval"
        return [(wait, f"compare its id, then: pangea worker approve {who}")]
    if state != "approved":
        return []
    found = []
    if not worker.get("trusted", True):
        what = f"{name} is untrusted: it gets no credentials of jobs"
        found.append((what, f"compare its id, then: pangea worker approve {name}"))
    if worker.get("draining"):
        what = f"{name} is draining: it gets no new jobs"
        found.append((what, f"to end that: pangea worker drain {name} --off"))
    return found
