"""What lets this worker in: the cluster's secret, or a join token that brings it."""

import logging
from pathlib import Path
from typing import NamedTuple

from pangea.core.errors import ConfigError, ProtocolError
from pangea.mesh import secret_ring
from pangea.mesh.first_message import KIND_SECRET, KIND_TOKEN, NO_HINT
from pangea.mesh.join_token import JoinToken
from pangea.mesh.link import NO_SECRET, NO_TOKEN
from pangea.mesh.ring_file import RingFile
from pangea.mesh.secret_ring import SecretRing

log = logging.getLogger(__name__)


class Offer(NamedTuple):
    """One way to begin a handshake."""

    secret: bytes
    kind: int = KIND_SECRET
    hint: bytes = NO_HINT


class Credentials:
    """The ring of the cluster, as far as we have it, and the token that we were given.

    ``ring`` is None until a token has brought one; ``path`` is where it is kept.
    """

    def __init__(
        self, path: Path, ring: RingFile | None, token: JoinToken | None = None
    ) -> None:
        self.path = path
        self.ring = ring
        self.token = token
        #: What the coordinator called us when it last let us in.
        self.called = ""

    def offers(self) -> list[Offer]:
        """Return what to try, best first: who holds the secret needs no token.

        The current secret comes first, then the others of a rotation, of which we
        may have missed a step; the token is for who has missed it altogether.
        """
        found = [Offer(secret) for secret in self.secrets()]
        if self.token is not None:
            found.append(Offer(self.token.proof, KIND_TOKEN, self.token.id))
        return found

    def why_refused(self, hint: str) -> str:
        """Return what to do after every offer was refused, the last one by *hint*."""
        if self.ring is None or hint not in (NO_SECRET, NO_TOKEN):
            return hint
        ids = ", ".join(self.ring.ring.ids)
        also = ", nor is our join token good" if self.token else ""
        return (
            "the other node does not hold the cluster secret of this one "
            f"({ids}){also}; its own are told by `pangea secret rotate status` there, "
            "and a fresh `pangea worker token` brings them"
        )

    def secrets(self) -> list[bytes]:
        """Return every secret of the cluster that we know, the current one first."""
        return self.ring.raw() if self.ring else []

    def keep(self, packed: bytes) -> SecretRing:
        """Keep the ring that an admission brought; later starts need no token.

        Raises ProtocolError if it is none, ConfigError if it cannot be stored.
        """
        try:
            ring = SecretRing.parse(packed)
        except ValueError as error:
            raise ProtocolError(f"the coordinator sent no secrets: {error}") from error
        if self.ring is None:
            secret_ring.save(self.path, ring)
            self.ring = RingFile(self.path, ring)
            log.info("the cluster's secret is kept; the join token is not needed again")
        elif ring != self.ring.ring or not self.path.exists():
            self.ring.replace(ring)
        return ring


def credentials_of(path: Path, given: str, token: JoinToken | None) -> Credentials:
    """Return what this worker may join with; ConfigError if it has nothing.

    *path* is where its own ring lies, *given* the secret file that was named.
    """
    ring = RingFile.open(path, given)
    if ring is None and token is None:
        raise ConfigError(
            "this worker has neither a cluster secret nor a join token",
            hint="on the coordinator run `pangea worker token` and give --join TOKEN "
            "here; or `pangea secret show > pangea.secret`, copy that file here and "
            "give --secret-file pangea.secret",
        )
    return Credentials(path, ring, token)
