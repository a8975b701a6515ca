"""Workers that answer a try at once: for pages that ask them."""

from collections.abc import AsyncGenerator

from pangea.web.api_probes import ProbeLine, ProbeSpec

from .seeded_world import BASE_MS, WORKERS


class SeededProbes:
    """Answers from the seeded workers; a target with ``down`` in it fails."""

    def ask(
        self, org: int, spec: ProbeSpec, *, limited: bool
    ) -> AsyncGenerator[ProbeLine, None]:
        """Return a line for each worker that is asked."""
        return self._lines(spec)

    async def _lines(self, spec: ProbeSpec) -> AsyncGenerator[ProbeLine, None]:
        asked = WORKERS if spec.workers == "all" else spec.workers
        failed = "down" in spec.target
        for name in asked:
            yield ProbeLine(
                worker=name,
                outcome="failed" if failed else "ok",
                duration_ms=BASE_MS[name] + 12.25,
                reason="timeout" if failed else "",
                detail=f"no answer from {spec.target}" if failed else "",
            )
