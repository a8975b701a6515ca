"""What a job that reports by itself says, and is told."""

from typing import Annotated, Literal

from msgspec import Meta, Struct


class PushQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """A report: that all went well, or that it did not, with a word on it."""

    outcome: Literal["ok", "failed"] = "ok"
    detail: Annotated[str, Meta(max_length=500)] = ""
    duration_ms: Annotated[float, Meta(ge=0, le=1e12)] = 0.0


class PushAnswer(Struct, frozen=True, kw_only=True):
    """The job that heard it, and until when the next report is in time."""

    job: str
    next_before: str
