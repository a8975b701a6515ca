"""What the pages of workers, mesh and settings ask, of the seeded world."""

from typing import Any

from pangea.web.api_explain import EXPLAIN
from pangea.web.api_gaps import GAPS, GapAnswer
from pangea.web.api_incidents import INCIDENTS
from pangea.web.api_mesh import MESH_SERVICE, MeshAnswer
from pangea.web.schema import Page, moment
from tests.seeded_incidents import SeededIncidents, SeededReasons
from tests.seeded_settings import SeededSettings
from tests.seeded_world import BASE_MS, NOW_US, WORKERS


class SeededGaps:
    """What workers lost."""

    def __init__(self) -> None:
        self.found: list[GapAnswer] = []

    async def gaps(self, org: int, name: str, asked: Any) -> Page:
        """Return what was put here."""
        return Page(items=self.found)


class SeededMesh:
    """Four workers that see each other; one direction is cut, one comes by a relay."""

    def __init__(self) -> None:
        self.found = [
            _pair(one, other) for one in WORKERS for other in WORKERS if one != other
        ]

    async def pairs(self, org: int) -> list[MeshAnswer]:
        """Return every direction."""
        return self.found


def _pair(one: str, other: str) -> MeshAnswer:
    cut = (one, other) == ("tokyo", "london")
    relayed = {one, other} == {"nyc", "local"}
    return MeshAnswer(
        source=one,
        target=other,
        rtt_ms=None if cut else round(abs(BASE_MS[one] - BASE_MS[other]) + 0.4, 2),
        loss=1.0 if cut else 0.04 if relayed else 0.0,
        offset_ms=None if cut else 0.3,
        at=moment(NOW_US - 4_000_000),
        path=None if cut else "via london" if relayed else "direct",
        one_way=cut,
        reason="london does not hear tokyo" if cut else "",
    )


def offer_places(app: Any) -> None:
    """Let *app* answer what the places ask."""
    app[INCIDENTS], app[EXPLAIN] = SeededIncidents(), SeededReasons(app[EXPLAIN])
    SeededSettings().offer(app)
    app[GAPS], app[MESH_SERVICE] = SeededGaps(), SeededMesh()
