"""The workers as the web sees them (``pangea.web.api_workers.WorkersService``)."""

import shlex

from pangea.core.model import Worker
from pangea.core.text import safe_text
from pangea.storage import workers as stored_workers
from pangea.storage.workers import Revocation
from pangea.web.schema import (
    RevokeBody,
    WorkerAnswer,
    moment,
)
from pangea.web.schema_tokens import TokenAnswer, TokenSpec, TokenState

from .coordinator import Coordinator
from .membership import ORDER
from .withheld import has_credentials
from .worker_answers import shut_out, token_state, worker_answer

LOCAL = ("http://127.", "https://127.", "http://[::1]", "https://[::1]")
ONLY_HERE = (
    "this coordinator listens on loopback alone, so the token leads there from its own "
    "machine only: start it with another --listen"
)


class WorkerService:
    """Answers from the board; what a person decides is ``membership``'s.

    ``places`` are the URLs at which workers reach this coordinator.
    """

    def __init__(self, coordinator: Coordinator) -> None:
        self._c = coordinator
        self._members = coordinator.members
        self.places: list[str] = []

    async def workers(self, org: int) -> list[WorkerAnswer]:
        """Return all workers by name, those that wait or were revoked included."""
        mine = [w for w in self._c.board.workers.values() if w.org == org]
        listed = [w for w in mine if w.state in ORDER]
        withheld = self._has_credentials()
        ordered = sorted(listed, key=lambda w: (w.name, w.id))
        out = await self._revocations(ordered)
        return [self._answer(w, withheld, out.get(w.key)) for w in ordered]

    async def worker(self, org: int, name: str) -> WorkerAnswer:
        """Return the worker with that name or id."""
        worker = self._members.find(name, org)
        out = await self._revocations([worker])
        return self._answer(worker, self._has_credentials(), out.get(worker.key))

    async def approve(self, org: int, name: str, by: str) -> WorkerAnswer:
        """Let a worker in."""
        worker = self._members.find(name, org)
        return self._answer(await self._members.approve(worker, by))

    async def revoke(
        self, org: int, name: str, by: str, body: RevokeBody
    ) -> WorkerAnswer:
        """Shut a worker out for ever."""
        worker, reason = self._members.find(name, org), safe_text(body.reason, 500)
        gone = await self._members.revoke(worker, by, reason)
        now_us = round(self._c.clock.wall() * 1e6)
        return self._answer(gone, revocation=Revocation(now_us, by, reason))

    async def rename(self, org: int, name: str, new: str) -> WorkerAnswer:
        """Call a worker by another name."""
        worker = self._members.find(name, org)
        return self._answer(await self._members.rename(worker, new))

    async def drain(self, org: int, name: str, *, draining: bool) -> WorkerAnswer:
        """Give a worker no new jobs, or again."""
        worker = self._members.find(name, org)
        return self._answer(await self._members.drain(worker, draining=draining))

    async def remove(self, org: int, name: str) -> None:
        """Take a worker that is gone from the list."""
        await self._members.remove(self._members.find(name, org))

    async def mint(self, org: int, by: str, spec: TokenSpec) -> TokenAnswer:
        """Make a join token; it is shown this once."""
        far = self._far()
        token = await self._c.tokens.mint(
            org,
            by,
            [place.removeprefix("http://") for place in far or self.places],
            expires_s=spec.expires_s,
            approve=spec.approve,
            site=safe_text(spec.site, 63) if spec.site else "",
        )
        return TokenAnswer(
            token=token.text,
            id=token.id.hex(),
            expires_at=moment(token.expires * 1_000_000),
            command=f"pangea run --role worker --join {shlex.quote(token.text)}",
            addresses=list(token.addresses),
            note="" if far else ONLY_HERE,
        )

    async def join_tokens(self, org: int) -> list[TokenState]:
        """Return all tokens that were made, without their secrets."""
        names = {w.key: w.name for w in self._c.board.workers.values()}
        found = await self._c.tokens.listed(org)
        return [token_state(token, names) for token in found]

    async def withdraw(self, org: int, token: str) -> None:
        """Close a token before somebody uses it; NotFound, Conflict if one did."""
        await self._c.tokens.withdraw(org, token)

    def _far(self) -> list[str]:
        """Return where other machines reach us."""
        return [place for place in self.places if not place.startswith(LOCAL)]

    def _has_credentials(self) -> bool:
        return any(map(has_credentials, self._c.board.jobs.values()))

    async def _revocations(self, listed: list[Worker]) -> dict[bytes, Revocation]:
        """Return who shut out which key, if any of *listed* was."""
        if not any(worker.state == "revoked" for worker in listed):
            return {}
        return await self._c.store.read(stored_workers.revocations)

    def _answer(
        self,
        worker: Worker,
        withheld: bool = False,
        revocation: Revocation | None = None,
    ) -> WorkerAnswer:
        reception = self._c.reception
        proof = reception.twins.proof(worker.id, self._c.clock.monotonic())
        answer = worker_answer(
            self._c.board,
            worker,
            reception.vitals(worker.id),
            waiting=worker.id in reception.waiting.inside,
            twin=proof,
            withheld=withheld,
            path=reception.path(worker.id),
            dialled=self._c.dialler.at(worker.key),
            presence=self._c.watch.presence(worker.id),
            mesh=self._c.mesh,
            sickness=self._c.sickness,
        )
        return shut_out(answer, revocation) if revocation else answer
