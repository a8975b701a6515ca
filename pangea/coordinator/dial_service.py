"""The workers that are dialled, as the web sees them (``pangea.web.api_dials``)."""

from pangea.mesh.identity import node_id
from pangea.web.api_dials import DialAnswer
from pangea.web.schema import moment

from .coordinator import Coordinator
from .dialler import Dial


class DialService:
    """Translates what the dialler knows; no decisions."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._dialler = coordinator.dialler
        self._reception = coordinator.reception

    async def dials(self, org: int) -> list[DialAnswer]:
        """Return all addresses whose worker is of *org*, by address."""
        dials = sorted(self._dialler.dials.values(), key=lambda dial: dial.address)
        return [self._answer(dial) for dial in dials if self._is_of(dial, org)]

    async def dial(self, org: int, by: str, address: str) -> DialAnswer:
        """Dial a worker now, and from now on."""
        return self._answer(await self._dialler.dial(address, by))

    async def forget(self, org: int, address: str) -> None:
        """Dial an address no more."""
        await self._dialler.forget(address)

    def _is_of(self, dial: Dial, org: int) -> bool:
        worker = self._reception.known(bytes.fromhex(dial.key))
        return worker is None or worker.org == org

    def _answer(self, dial: Dial) -> DialAnswer:
        key = bytes.fromhex(dial.key)
        worker = self._reception.known(key)
        return DialAnswer(
            address=dial.address,
            worker=worker.name if worker else "",
            id=node_id(key),
            state=worker.state if worker else "removed",
            connected=worker is not None and self._reception.is_here(worker),
            by=dial.by,
            added_at=moment(dial.added_us),
            trouble=self._dialler.trouble.get(dial.address, ""),
        )
