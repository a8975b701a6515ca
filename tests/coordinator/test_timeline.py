"""What a job was, stretch after stretch, and the notes that are about it."""

from pangea.coordinator.note_service import NoteService
from pangea.coordinator.timeline_service import TimelineService
from pangea.core.model import FIRST_ORG, Verdict
from pangea.core.uptime import Span
from pangea.core.verdict import Transition
from pangea.storage import verdicts
from pangea.web.api_notes import NotesQuery
from pangea.web.schema import moment
from pangea.web.schema_incidents import NoteSpec
from tests.coordinator.test_past import a_job, every_30_s, now_us


async def test_the_pieces_are_what_the_log_and_the_results_say(world):
    job = await a_job(world)
    far = await world.join("hel")
    await far.report(every_30_s(job.id), epoch="old")
    await far.until(lambda f: f.acks.get("old"))
    gone, back = now_us(-1800), now_us(-1200)
    outage = [
        Transition(job.id, gone, Verdict.UP, Verdict.DOWN, "gone"),
        Transition(job.id, back, Verdict.DOWN, Verdict.UP, "back"),
    ]
    await world.store.write(lambda: verdicts.log_transitions(outage))
    whole = Span(now_us(-3000), now_us(-600))
    told = await TimelineService(world.coordinator).timeline(FIRST_ORG, "web", whole)
    pieces = [(piece.kind, piece.since, piece.until) for piece in told.pieces]
    assert pieces[0][1] == moment(whole.begin_us)
    assert pieces[-1][2] == moment(whole.end_us)
    assert ("down", moment(gone), moment(back)) in pieces
    assert not told.coarse


async def test_a_young_job_is_told_since_it_was_added(world):
    job = await a_job(world, hours=0.5)
    whole = Span(now_us(-3600), now_us())
    told = await TimelineService(world.coordinator).timeline(FIRST_ORG, "web", whole)
    assert told.since == told.added_at == moment(job.created_at_us)


async def test_a_note_may_name_the_job_that_it_is_about(world):
    await a_job(world)
    other = world.spec(name="mail")
    await world.service.add_job(FIRST_ORG, other, dry_run=False)
    notes = NoteService(world.coordinator)
    for text, labels in (("web moved", {"job": "web"}), ("storm", {})):
        spec = NoteSpec(text=text, labels=labels)
        await notes.add_note(FIRST_ORG, "ada", spec, None)

    async def about(job):
        page = await notes.notes(FIRST_ORG, NotesQuery(job=job), None, None, {})
        return {note.text for note in page.items}

    assert await about("web") == {"web moved", "storm"}
    assert await about("mail") == {"storm"}
