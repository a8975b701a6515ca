"""What the API tells and takes of incidents and notes."""

from typing import Annotated, Any

from msgspec import Meta, Struct, field

#: Names of jobs that the short form of an incident tells, and characters of a text.
MOST_JOBS = 20
MOST_TEXT = 2000

Text = Annotated[str, Meta(min_length=1, max_length=MOST_TEXT)]
Labels = Annotated[dict[str, str], Meta(max_length=20)]


class MemberAnswer(Struct, frozen=True, kw_only=True):
    """A job of an incident: since when, its worst now, and when it was well again.

    Of one that is ``cleared`` late results say that it was well all the time.
    """

    job: str
    verdict: str
    joined_at: str
    bad_since: str
    recovered_at: str | None
    reason: str
    new_since_ack: bool = False
    cleared: bool = False


class EntryAnswer(Struct, frozen=True, kw_only=True):
    """A line of the timeline; ``who`` is "" for what nobody did."""

    at: str
    kind: str
    who: str
    text: str
    data: dict[str, Any]


class NoteAnswer(Struct, frozen=True, kw_only=True):
    """A note: what somebody says happened; without labels it is about every job."""

    id: int
    at: str
    text: str
    labels: dict[str, str]
    who: str
    added_at: str


class IncidentAnswer(Struct, frozen=True, kw_only=True):
    """An incident in short.

    ``state`` is ``open``, ``acknowledged``, ``closed``, ``merged`` (it goes on as
    ``merged_into``) or ``retracted`` (it never was). ``job`` is the first of its
    ``jobs``, of which 20 are named and all are counted; with more than one
    ``cause`` says what they share. ``verdict`` is the last that was bad, ``worst``
    the worst. ``confirmed_at`` is when it was ``down``, null if it was but degraded,
    and ``confirmed_after_s`` is from the first failure to that; ``alerted_at`` is when
    the first people were told, null if nobody was. What opened again
    is ``bad_since`` then, and ``duration_s`` leaves out when it was closed. Of
    ``new_since_ack`` jobs the acknowledgement knew nothing.
    """

    id: str
    title: str
    state: str
    job: str
    jobs: list[str]
    job_count: int
    unwell_count: int
    verdict: str
    worst: str
    reason: str
    cause: str
    opened_at: str
    closed_at: str | None
    duration_s: float
    first_fail_at: str
    confirmed_at: str | None
    confirmed_after_s: float | None
    bad_since: str
    alerted_at: str | None = None
    alerted_after_s: float | None = None
    acknowledged_at: str | None = None
    acknowledged_by: str = ""
    acknowledged_text: str = ""
    new_since_ack: int = 0
    reopened: int = 0
    flapping: bool = False
    drill: bool = False
    backfilled: bool = False
    retracted: bool = False
    merged_into: str | None = None


class IncidentDetail(IncidentAnswer, frozen=True, kw_only=True):
    """An incident with all that is known of it.

    ``timeline`` are its newest 1000 lines, oldest first; ``evidence`` is what was
    gathered at its confirmation, also of those merged into it; ``notes`` are those
    from a quarter of an hour before it until its end that are about one of its jobs.
    ``acknowledged_before`` tells who acknowledges it who had it already, "" if nobody.
    """

    members: list[MemberAnswer]
    timeline: list[EntryAnswer]
    evidence: list[dict[str, Any]]
    notes: list[NoteAnswer]
    acknowledged_before: str = ""


class AckBody(Struct, frozen=True, forbid_unknown_fields=True):
    """What whoever takes care of it says, if anything."""

    text: Annotated[str, Meta(max_length=MOST_TEXT)] = ""


class CommentBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A remark for the timeline."""

    text: Text


class NoteSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A note to keep; ``at`` is now if it is not given, or ``03:12``, ``2h ago`` …"""

    text: Text
    at: str | None = None
    labels: Labels = field(default_factory=dict)
