"""What people are told of incidents: opened, worse, larger, acknowledged, over."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from msgspec.structs import replace

from pangea.core.alert_due import Alert
from pangea.core.alert_rule import About
from pangea.core.durations import format_duration, milliseconds
from pangea.core.incident import Entry, Incident, Step
from pangea.core.model import Job, Verdict, VoteValue
from pangea.core.notice import Kind, Notice, Severity
from pangea.core.notification import Notification
from pangea.core.text import safe_text
from pangea.core.votes import Vote

from .alert_book import AlertBook
from .decided import Decided
from .incident_writes import IncidentWrites

if TYPE_CHECKING:
    from .coordinator import Coordinator
    from .outbox import Outbox

SEVERITY: dict[str, Severity] = {"down": "critical", "degraded": "warning"}
#: Votes, and names of jobs, that a message tells.
MOST_VOTES, MOST_JOBS = 12, 20
#: Evidence is kept for the messages of so many incidents.
MOST_EVIDENCE = 200
#: The kind of the lines that say who was told.
TOLD = "told"
#: Of so many incidents it is noted at once that they were told.
NOTED = 200


class AlertedIncidents:
    """Follows what is written of incidents, and notes when somebody was told."""

    def __init__(
        self, coordinator: "Coordinator", book: AlertBook, outbox: "Outbox"
    ) -> None:
        self._c, self._board = coordinator, coordinator.board
        self._book, self._outbox = book, outbox
        self._evidence: dict[str, str] = {}

    def load(self) -> None:
        """Take up what is open and was told to nobody; let the rest be over."""
        known = self._c.incidents.known
        for incident in list(known.values()):
            if incident.is_open and key_of(incident) not in self._book.alerts:
                self._put(incident)
        for alert in list(self._book.alerts.values()):
            id_ = alert.notice.incident
            found = known.get(id_)
            going_on = found and found.is_open and key_of(found) == alert.key
            if id_ and not going_on and not alert.ended_us:
                now_us = self._book.now_us()
                merged = bool(found and found.merged_into)
                self._book.put(replace(alert, ended_us=now_us, silent=merged))

    def hear(self, decided: Decided) -> None:
        """Look at what is about to be written."""
        for write in list(decided.writes):
            for step in write.steps() if isinstance(write, IncidentWrites) else ():
                self._take(step, decided)

    def found(self, incident: str, entry: Entry) -> None:
        """Keep the words of evidence for what is told next."""
        while len(self._evidence) >= MOST_EVIDENCE:
            del self._evidence[next(iter(self._evidence))]
        words = safe_text(entry.data.get("words", ""), 500)
        self._evidence.setdefault(incident, words)

    def late(self, it: Notification, *, alone: bool) -> Notification:
        """Return what is to be told with what has become known meanwhile.

        A storm may have grown of it; what goes out *alone* has the evidence, too.
        """
        alert = self._book.alerts.get(it.alert)
        if it.is_over or not it.notice.incident:
            return it
        notice = it.notice
        if alert is not None and alert.size > 1:
            notice = self.details(alert) if alone else alert.notice
            notice = replace(notice, kind=it.notice.kind)
        words = self._evidence.get(notice.incident) if alone else ""
        if words and "evidence" not in notice.facts:
            notice = replace(notice, facts=notice.facts | {"evidence": words})
        return replace(it, notice=notice)

    def abouts(self, alert: Alert) -> Iterable[About]:
        """Yield the jobs of the incident of *alert*."""
        incident = self._c.incidents.known.get(alert.notice.incident)
        for number in incident.members if incident else (alert.notice.job,):
            job = self._board.jobs.get(number)
            if job is not None:
                yield self.about(job)

    def about(self, job: Job) -> About:
        """Return *job* as rules see it."""
        workers = self._board.workers
        there = (workers.get(w) for w in self._board.placed(job.id))
        regions = {w.region for w in there if w is not None and w.region}
        return About(job.name, job.labels, tuple(sorted(regions)))

    def details(self, alert: Alert) -> Notice:
        """Return the notice of *alert* with all that is known now."""
        notice = alert.notice
        incident = self._c.incidents.known.get(notice.incident)
        if incident is None:
            return notice
        facts = dict(self._facts(incident))
        labels: dict[str, str] = {}
        regions: tuple[str, ...] = ()
        job = self._board.jobs.get(incident.head or incident.job)
        if job is not None:
            labels, regions = job.labels, self.about(job).regions
        return replace(
            notice, facts=notice.facts | facts, labels=labels, regions=regions
        )

    async def told(self, them: list[Notification], channel: str) -> None:
        """Note in the incidents that somebody was told of them."""
        at_us, known = self._book.now_us(), self._c.incidents.known
        for it in them:
            self._book.told_of(it)
        firsts = {it.notice.incident: it for it in reversed(them)}
        more = f", with {len(them) - 1} more in one message" if len(them) > 1 else ""
        told = list(firsts.values())
        for begin in range(0, len(told), NOTED):
            decided = Decided()
            for first in told[begin : begin + NOTED]:
                incident = known.get(first.notice.incident)
                if incident is not None:
                    text = f"{channel}: {first.step}{more}"
                    entry = Entry(kind=TOLD, at_us=at_us, text=text)
                    self._note(incident, entry, first, decided)
            if decided:
                await self._c.intake.note(decided)

    def _note(
        self, incident: Incident, entry: Entry, first: Notification, decided: Decided
    ) -> None:
        if not incident.alerted_us and not first.is_over:
            incident = replace(incident, alerted_us=entry.at_us)
            for job in incident.members:
                channel = entry.text.partition(":")[0]
                self._c.planned.drills.alerted(job, entry.at_us / 1e6, channel)
        self._c.incidents.put(Step(incident, (entry,)), decided)

    def _take(self, step: Step, decided: Decided) -> None:
        incident, alert = step.incident, self._book.alerts.get(key_of(step.incident))
        if step.entries and all(entry.kind == TOLD for entry in step.entries):
            return
        if incident.merged_into:
            if alert is not None:
                self._merge(alert, incident, decided)
        elif incident.is_open and not incident.retracted:
            if alert is not None or not incident.backfilled:
                self._put(incident)
        elif alert is not None and not alert.ended_us:
            over = _why_over(incident, step.entries)
            ended_us = incident.closed_us or self._book.now_us()
            self._book.put(replace(alert, ended_us=ended_us, over=over))

    def _merge(self, alert: Alert, incident: Incident, decided: Decided) -> None:
        """Let an incident that became part of another be told of there."""
        lead = self._c.incidents.known.get(incident.merged_into)
        if lead is not None:
            self._outbox.merge(alert.key, key_of(lead))
            into = self._book.alerts.get(key_of(lead))
            if into is not None and alert.key not in into.merged:
                merged = (*into.merged, alert.key)
                self._book.alerts[into.key] = replace(into, merged=merged)
        self._outbox.drop(alert.key, f"goes on as {incident.merged_into}", decided)
        now_us = self._book.now_us()
        self._book.put(replace(alert, ended_us=now_us, silent=True))

    def _put(self, incident: Incident) -> None:
        """Let the alert of *incident* be as that is now."""
        key = key_of(incident)
        held = self._book.alerts.get(key)
        kind = _kind(incident, held)
        notice = self._notice(incident, key, kind)
        if held is None:
            since_us = incident.since_us or incident.opened_us
            held = Alert(key=key, notice=notice, timer_us=since_us)
        worse = held.notice.kind != kind
        self._book.put(
            replace(
                held,
                notice=notice,
                timer_us=self._book.now_us() if worse else held.timer_us,
                size=len(incident.members),
                acked_us=incident.acked_us,
                ended_us=0,
            )
        )

    def _notice(self, incident: Incident, key: str, kind: Kind) -> Notice:
        job = self._board.jobs.get(incident.head or incident.job)
        name = job.name if job else ""
        facts = {} if incident.is_storm or not name else {"job": name}
        return Notice(
            key=key,
            kind=kind,
            severity=SEVERITY[kind],
            org=incident.org,
            at_us=incident.updated_us,
            since_us=incident.since_us or incident.opened_us,
            title=incident.title if incident.is_storm or not name else name,
            reason=safe_text(incident.reason, 300),
            incident=incident.id,
            job=job.id if job else 0,
            facts=facts,
            drill=incident.drill,
        )

    def _facts(self, incident: Incident) -> Iterator[tuple[str, str]]:
        """Yield what is known now, in words."""
        job = self._board.jobs.get(incident.head or incident.job)
        if incident.reason:
            yield "why", safe_text(incident.reason, 500)
        if job is not None:
            yield "target", safe_text(f"{job.type} {job.target}", 300)
            yield "votes", "\n".join(self._votes(job))
        if incident.is_storm and incident.causes:
            yield "cause", safe_text(incident.causes[0].words, 300)
        if incident.is_storm:
            names = [m.name for m in incident.members.values() if not m.recovered_us]
            more = len(names) - MOST_JOBS
            told = ", ".join(names[:MOST_JOBS])
            yield "jobs", f"{told} and {more} more" if more > 0 else told
        if incident.confirmed_us:
            spent = max(incident.confirmed_us - incident.first_fail_us, 0) / 1e6
            yield "detected", f"{format_duration(spent)} after the first failure"
        if incident.acked_us:
            text = f": {incident.ack_text}" if incident.ack_text else ""
            yield "acknowledged", safe_text(f"by {incident.acked_by}{text}", 300)

    def _votes(self, job: Job) -> Iterator[str]:
        """Yield what each worker says of *job*, the worst first."""
        state = self._board.states.get(job.id)
        votes = list(state.counted) if state else []
        order = (VoteValue.FAILED, VoteValue.WARN, VoteValue.OK)
        votes.sort(key=lambda v: (order.index(v.value), self._board.voter(v.worker)))
        for vote in votes[:MOST_VOTES]:
            yield f"{self._board.voter(vote.worker)}: {_vote(vote)}"
        if len(votes) > MOST_VOTES:
            yield f"and {len(votes) - MOST_VOTES} more"
        if not votes:
            yield "nobody can tell now"


def key_of(incident: Incident) -> str:
    """Return the key of the alert of *incident*: another one if it opened again."""
    return f"{incident.id}.{incident.reopened}"


def _kind(incident: Incident, held: Alert | None) -> Kind:
    """Return the worst that it has been since it opened."""
    was_down = held is not None and held.notice.kind == "down"
    return "down" if was_down or incident.verdict is Verdict.DOWN else "degraded"


def _vote(vote: Vote) -> str:
    if vote.value is VoteValue.OK:
        return f"ok, {milliseconds(vote.duration_ms)}"
    detail = getattr(vote, "detail", "") or vote.reason
    said = "failed" if vote.value is VoteValue.FAILED else "warns"
    return safe_text(f"{said}, {detail}" if detail else said, 200)


def _why_over(incident: Incident, entries: Iterable[Entry]) -> str:
    if incident.retracted:
        return "it never was: results that came late say so"
    left = [entry.text for entry in entries if entry.kind == "left"]
    return safe_text(left[-1], 200) if left else ""
