"""The cluster's secrets as a running node holds them: live, and on its disk.

A node may be given a secret (``--secret-file``) and keep a ring of its own, from a
rotation since. The kept one wins if it holds the given secret, or has dropped it:
then it came later. Otherwise the given one wins: a person has put another secret
there, because the cluster is another one, or because this node missed a rotation.
"""

from pathlib import Path
from typing import Self

from pangea.mesh import secret_ring
from pangea.mesh.private_file import read_private
from pangea.mesh.rotation import follows
from pangea.mesh.secret_ring import SecretRing

NAME = "secrets.json"


class RingFile:
    """A ring that may be replaced while it is in use; ``ring`` is the one now."""

    def __init__(self, path: Path, ring: SecretRing) -> None:
        self._path = path
        self.ring = ring

    @classmethod
    def open(cls, path: Path, given: str) -> Self | None:
        """Return the ring that counts of *path* and *given*; None if there is none.

        Nothing is written. Raises `ConfigError` for a file that cannot be used.
        """
        handed = secret_ring.load_secret_file(Path(given)) if given else None
        kept = secret_ring.load_or_create(path) if read_private(path) else None
        ring = newer(handed, kept)
        return None if ring is None else cls(path, ring)

    def raw(self) -> list[bytes]:
        """Return every secret that is valid now, the current one first."""
        return [secret.raw for secret in self.ring.all]

    def replace(self, ring: SecretRing) -> None:
        """Hold *ring* from now on; it is on the disk before it is used.

        Raises `ConfigError`, and goes on with the ring from before.
        """
        secret_ring.save(self._path, ring)
        self.ring = ring


def newer(handed: SecretRing | None, kept: SecretRing | None) -> SecretRing | None:
    """Return the ring that counts: see the top of this file."""
    if handed is None or kept is None:
        return handed or kept
    return kept if follows(kept, handed) else handed
