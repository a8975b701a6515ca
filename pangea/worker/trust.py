"""Whom this worker trusts: the pinned coordinator, or the first to prove itself."""

import logging
from pathlib import Path

from pangea.background import supervised
from pangea.core.errors import ProtocolError
from pangea.core.text import safe_text
from pangea.mesh import last_good
from pangea.mesh.identity import node_id
from pangea.mesh.info import NodeInfo
from pangea.mesh.last_good import LastGood

log = logging.getLogger(__name__)


class Trust:
    """The pin and the last good addresses, kept in ``last-good.json``.

    *expected* is the coordinator's key that a join token names: nobody else is
    trusted at the first time.
    """

    def __init__(self, path: Path, expected: bytes = b"") -> None:
        self._path = path
        self._kept = last_good.load(path)
        self._expected = expected
        if self._kept and expected and self._kept.coordinator_key != expected:
            log.warning(
                "this worker belongs to coordinator %s, the join token is of %s; if it "
                "shall move there, remove %s",
                node_id(self._kept.coordinator_key),
                node_id(expected),
                path,
            )

    @property
    def pinned(self) -> bool:
        """Whether this worker has joined a coordinator before."""
        return self._kept is not None

    @property
    def coordinator(self) -> bytes | None:
        """The key that is pinned, None if there is none yet."""
        return self._kept.coordinator_key if self._kept else None

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where the coordinator was, the newest first."""
        return self._kept.addresses if self._kept else ()

    def check(self, key: bytes, info: NodeInfo) -> None:
        """Refuse a peer that is no coordinator, or not ours."""
        if info.role != "coordinator":
            raise ProtocolError(f"a {safe_text(info.role, 20)!r} answers there")
        if self._kept and key != self._kept.coordinator_key:
            raise ProtocolError(
                f"another coordinator answers there: {node_id(key)}, trusted is "
                f"{node_id(self._kept.coordinator_key)}",
                hint=f"if it was replaced on purpose, remove {self._path}",
            )
        if not self._kept and self._expected and key != self._expected:
            raise ProtocolError(
                f"another coordinator answers there: {node_id(key)}, the join token "
                f"is of {node_id(self._expected)}",
                hint="make a new token on the coordinator: pangea worker token",
            )

    def keep(self, key: bytes, address: str = "") -> None:
        """Pin *key* if nothing is pinned yet, and remember *address* if any."""
        if self._kept is None and not self._expected:
            # The parent of a child is nobody that a person has to compare.
            level = logging.DEBUG if supervised() else logging.WARNING
            log.log(level, "trusting coordinator %s from now on", node_id(key))
        kept = self._kept or LastGood(key.hex())
        if address:
            kept = kept.reached_at(address)
        if kept != self._kept:
            last_good.save(self._path, kept)
            self._kept = kept
