"""How the secrets of a cluster follow each other: pure rules on a ring.

::

    start    current            →  current, next       all accept both
    use      current, next      →  old, current        we dial with the new one
    finish   old, current       →  current             the old one opens nothing

A ring remembers the ids of what it has dropped, so that anybody who holds an older
one can tell that this one came after it.
"""

from typing import Literal

from msgspec.structs import replace

from pangea.core.errors import Conflict
from pangea.mesh.secret_ring import MAX_SECRETS, Secret, SecretRing, SecretState

#: Dropped secrets that a ring remembers; the oldest are forgotten first.
MAX_DROPPED = 64


def started(ring: SecretRing, created: float) -> SecretRing:
    """Return *ring* with a fresh next secret; Conflict if there is one already."""
    if _has(ring, SecretState.NEXT):
        raise Conflict(
            "a rotation has been started already",
            hint="go on with: pangea secret rotate use",
        )
    if len(ring.secrets) >= MAX_SECRETS:
        raise Conflict(
            f"{len(ring.secrets)} secrets are valid, no more are taken",
            hint="drop the old ones first: pangea secret rotate finish",
        )
    fresh = replace(SecretRing.fresh(created).current, state=SecretState.NEXT)
    return replace(ring, secrets=(*ring.secrets, fresh))


def restarted(ring: SecretRing, created: float) -> SecretRing:
    """Return *ring* with another next secret in the place of the one it has.

    Nobody dials with a next secret, so nobody is left behind.
    """
    kept = [s for s in ring.secrets if s.state is not SecretState.NEXT]
    gone = [s.id for s in ring.secrets if s.state is SecretState.NEXT]
    return started(_without(ring, kept, gone), created)


def used(ring: SecretRing) -> SecretRing:
    """Return *ring* with the next secret as the current one."""
    if not _has(ring, SecretState.NEXT):
        raise Conflict(
            "there is no next secret", hint="begin with: pangea secret rotate start"
        )
    moved = {
        SecretState.NEXT: SecretState.CURRENT,
        SecretState.CURRENT: SecretState.OLD,
        SecretState.OLD: SecretState.OLD,
    }
    return replace(
        ring, secrets=tuple(replace(s, state=moved[s.state]) for s in ring.secrets)
    )


def finished(ring: SecretRing) -> SecretRing:
    """Return *ring* without its old secrets; Conflict if it has none."""
    if not _has(ring, SecretState.OLD):
        begun = _has(ring, SecretState.NEXT)
        raise Conflict(
            "there is no old secret to drop",
            hint="first: pangea secret rotate " + ("use" if begun else "start"),
        )
    kept = [s for s in ring.secrets if s.state is not SecretState.OLD]
    gone = [s.id for s in ring.secrets if s.state is SecretState.OLD]
    return _without(ring, kept, gone)


#: What a person types next, by `stage`.
NEXT_STEP = {
    "none": "pangea secret rotate start",
    "started": "pangea secret rotate use",
    "used": "pangea secret rotate finish",
}


def stage(ring: SecretRing) -> Literal["none", "started", "used"]:
    """Return the last step that was made: ``none``, ``started`` or ``used``."""
    if _has(ring, SecretState.NEXT):
        return "started"
    return "used" if _has(ring, SecretState.OLD) else "none"


def follows(ring: SecretRing, older: SecretRing) -> bool:
    """Tell whether *ring* holds the current secret of *older*, or came after it."""
    mine = {*(s.id for s in ring.secrets), *ring.dropped}
    return older.current.id in mine


def _has(ring: SecretRing, state: SecretState) -> bool:
    return any(s.state is state for s in ring.secrets)


def _without(ring: SecretRing, kept: list[Secret], gone: list[str]) -> SecretRing:
    dropped = (*ring.dropped, *gone)[-MAX_DROPPED:]
    return replace(ring, secrets=tuple(kept), dropped=dropped)
