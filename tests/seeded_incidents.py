"""Incidents of the seeded world: one open with evidence, some that are over."""

from collections.abc import Callable

from msgspec.structs import asdict, replace

from pangea.core.errors import Conflict, NotFound
from pangea.web.api_explain import ExplainAnswer, IncidentExplainAnswer, VoiceAnswer
from pangea.web.api_incidents import IncidentsQuery
from pangea.web.schema import Page, moment
from pangea.web.schema_incidents import (
    EntryAnswer,
    IncidentAnswer,
    IncidentDetail,
    MemberAnswer,
    NoteAnswer,
)
from tests.seeded_world import NOW_US


def at(minutes_ago: float) -> str:
    """Return a moment before now."""
    return moment(NOW_US - round(minutes_ago * 60e6))


def make_incident(id_: str, job: str, opened: float, closed: float | None) -> dict:
    """Return the fields of an incident; minutes before now."""
    return {
        "id": id_,
        "title": job,
        "state": "open" if closed is None else "closed",
        "job": job,
        "jobs": [job],
        "job_count": 1,
        "unwell_count": 1 if closed is None else 0,
        "verdict": "down",
        "worst": "down",
        "reason": "3 of 4 workers fail: status: got 503, wanted 200-399",
        "cause": "",
        "opened_at": at(opened),
        "closed_at": None if closed is None else at(closed),
        "duration_s": (opened - (closed or 0)) * 60,
        "first_fail_at": at(opened + 0.03),
        "confirmed_at": at(opened),
        "confirmed_after_s": 1.8,
        "bad_since": at(opened),
        "alerted_at": at(opened - 0.02),
        "alerted_after_s": 3.0,
    }


CERTIFICATE = {"subject": "shop.example", "issuer": "R11", "version": "TLS1.3"}
EVIDENCE = {
    "at": at(6.1),
    "job": "shop",
    "words": "same address; status differs: london 503, tokyo 200",
    "failing": {
        "worker": "london",
        "outcome": "failed",
        "detail": "got 503, wanted 200-399",
        "address": "192.0.2.10",
        "status": "503",
        "phases": {"connect": 4.1, "tls": 9.7, "first_byte": 71.2},
        "certificate": {
            "subject": "shop.example",
            "issuer": "R11",
            "version": "TLS1.3",
        },
        "walked": True,
        "arrived": True,
        "hops": [[1, ["192.0.2.1"]], [2], [3, ["192.0.2.10"]]],
    },
    "healthy": {
        "worker": "tokyo",
        "outcome": "ok",
        "address": "192.0.2.10",
        "status": "200",
        "phases": {"connect": 110.4, "tls": 221.0, "first_byte": 118.6},
        "certificate": {
            "subject": "shop.example",
            "issuer": "R11",
            "version": "TLS1.3",
        },
        "walked": True,
        "arrived": True,
        "hops": [[1, ["198.51.100.1"]], [2, ["198.51.100.9"]], [3, ["192.0.2.10"]]],
    },
}


class SeededIncidents:
    """The incidents as pages ask for them; what people say is kept."""

    def __init__(self, over: int = 60) -> None:
        self.found = {
            "2T4K": IncidentAnswer(**make_incident("2T4K", "shop", 6.2, None))
        }
        for n in range(over):
            id_, start = f"1A{n:02}", 300.0 + n * 97
            job = ("shop", "vpn-tokyo", "resolver-2")[n % 3]
            fields = make_incident(id_, job, start, start - 11 - n)
            self.found[id_] = IncidentAnswer(**fields)
        self.said: list[EntryAnswer] = []
        self.asked: list[tuple[IncidentsQuery, int | None, int | None]] = []
        self.change: Callable[[IncidentDetail], IncidentDetail] = lambda one: one

    async def incidents(
        self,
        org: int,
        asked: IncidentsQuery,
        since_us: int | None,
        until_us: int | None = None,
    ) -> Page:
        """Return a page, newest first."""
        self.asked.append((asked, since_us, until_us))
        rows = [i for i in self.found.values() if not asked.open or i.closed_at is None]
        rows = [i for i in rows if asked.job in (None, *i.jobs)]
        rows = [i for i in rows if (asked.q or "") in f"{i.id} {i.title} {i.reason}"]
        if asked.job == "nobody":
            raise NotFound("no job 'nobody'")
        start = int(asked.cursor or 0)
        end = start + asked.limit
        return Page(items=rows[start:end], next=str(end) if end < len(rows) else None)

    async def incident(self, org: int, id_: str) -> IncidentDetail:
        """Return one with all that is known."""
        if id_ not in self.found:
            raise NotFound(f"no incident {id_!r}")
        one = self.found[id_]
        member = MemberAnswer(
            job=one.job,
            verdict="up" if one.closed_at else "down",
            joined_at=one.opened_at,
            bad_since=one.bad_since,
            recovered_at=one.closed_at,
            reason=one.reason,
        )
        told = [("opened", "", one.reason), ("told", "", "mail: down")]
        lines = [
            EntryAnswer(at=one.opened_at, kind=k, who=w, text=x, data={})
            for k, w, x in told
        ]
        note = NoteAnswer(
            id=1,
            at=at(9),
            text="deployed shop 4.2.0",
            labels={"job": "shop"},
            who="ci",
            added_at=at(9),
        )
        return self.change(
            IncidentDetail(
                **asdict(one),
                members=[member],
                timeline=[*lines, *self.said],
                evidence=[] if one.closed_at else [EVIDENCE],
                notes=[note],
            )
        )

    async def acknowledge(self, org: int, id_: str, by: str, text: str):
        """Keep who takes care of it."""
        one = (await self.incident(org, id_)).id
        if self.found[one].closed_at:
            raise Conflict(f"incident {one} is over", hint="comment on it instead")
        self.found[one] = replace(
            self.found[one],
            state="acknowledged",
            acknowledged_at=at(0),
            acknowledged_by=by,
            acknowledged_text=text,
        )
        self._say("acknowledged", by, text)
        return await self.incident(org, id_)

    async def comment(self, org: int, id_: str, by: str, text: str):
        """Keep a remark."""
        self._say("comment", by, text)
        return await self.incident(org, id_)

    def _say(self, kind: str, by: str, text: str) -> None:
        line = EntryAnswer(at=at(0), kind=kind, who=by, text=text, data={})
        self.said.append(line)


class SeededReasons:
    """Why, of jobs as *jobs* says and of incidents."""

    def __init__(self, jobs) -> None:
        self._jobs = jobs

    async def job(self, org: int, name: str) -> ExplainAnswer:
        """Return why a job is as it is."""
        return await self._jobs.job(org, name)

    async def incident(self, org: int, id_: str, job: str | None = None):
        """Return the decision that opened it."""
        votes = [
            VoiceAnswer(
                worker=worker,
                region="eu",
                vote=vote,
                counts=counts,
                why="" if counts else "its network is down for it alone",
                at=at(6.2),
                expires=at(3),
                duration_ms=71.2,
                reason="status" if vote == "failed" else "",
                detail="got 503, wanted 200-399" if vote == "failed" else "",
            )
            for worker, vote, counts in (
                ("london", "failed", True),
                ("nyc", "failed", True),
                ("tokyo", "ok", True),
                ("sydney", None, False),
            )
        ]
        decision = ExplainAnswer(
            job="shop",
            at=at(6.2),
            verdict="down",
            before="up",
            since=at(6.2),
            reason="status",
            line="majority",
            decided="2 of 3 voters failed, 2 needed",
            rule="majority",
            rule_words="down when most workers fail, up after 2 good rounds",
            voters=3,
            needed=2,
            ok=1,
            warned=0,
            failed=2,
            first_fail_at=at(6.23),
            confirmed_at=at(6.2),
            confirmed_after_s=1.8,
            votes=votes,
        )
        return IncidentExplainAnswer(
            incident=id_,
            title="shop",
            job="shop",
            opened_at=at(6.2),
            closed_at=None,
            decisions=[decision],
            evidence=[],
        )
