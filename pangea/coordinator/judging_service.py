"""Default rules as the web sees them (``pangea.web.api_judging``)."""

from pangea.core.rule import canonical, format_rule, parse_rule
from pangea.storage import rules
from pangea.web.api_judging import JudgingAnswer

from .coordinator import Coordinator


class JudgingService:
    """Keeps the defaults of each organisation, and has the jobs judged by them."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._c = coordinator
        self._board = coordinator.board

    async def defaults(self, org: int) -> JudgingAnswer:
        """Return what holds where a job's own rule says nothing."""
        text = self._board.defaults.get(org, "")
        return JudgingAnswer(rule=text, in_force=format_rule(parse_rule(text)))

    async def put(self, org: int, rule: str) -> JudgingAnswer:
        """Store *rule* and judge all jobs of *org* anew."""
        text = canonical(rule)
        async with self._c.changing:
            await self._c.store.write(lambda: rules.put_default(org, text))
            jobs = self._board.judge_by(org, text)
            await self._c.intake.note(self._c.judging.seat(jobs))
        return await self.defaults(org)
