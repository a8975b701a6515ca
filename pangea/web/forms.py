"""Forms: from typed text to the structs of the service, and back beside the error."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from msgspec import UNSET, Struct
from multidict import MultiMapping

from pangea.core.durations import format_duration, parse_duration
from pangea.core.errors import Conflict, NotAllowed, UsageError
from pangea.core.text import safe_text

from .schema import JobAnswer, JobPatch, JobSpec

#: What the form offers, with the text that helps to fill in the target.
TYPES = {
    "http": "URL or host, such as https://example.com/health",
    "icmp": "host or address, such as 192.0.2.1",
    "dns": "name, or name@server, such as example.com@192.0.2.53",
    "tls": "host or host:port, such as example.com:443",
    "tcp": "host:port, such as db.example.com:5432",
    "ntp": "time server, such as time.example.com",
    "traceroute": "host or address whose path is watched",
    "heartbeat": "a name for what reports in, such as nightly-backup",
}


class FormError(Exception):
    """A form that was refused, with what was typed and what to do."""

    def __init__(self, message: str, hint: str, typed: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.message = safe_text(message, 300)
        self.hint = safe_text(hint, 300)
        self.typed = typed

    @classmethod
    @contextmanager
    def catching(cls, data: MultiMapping[Any]) -> Iterator[None]:
        """Turn the errors that a person can mend into a FormError."""
        try:
            yield
        except (UsageError, Conflict, NotAllowed) as error:
            raise cls(str(error), error.hint, _typed(data)) from error


class Choice(Struct, frozen=True):
    """A radio button or checkbox."""

    value: str
    label: str
    chosen: bool


class JobForm(Struct, frozen=True):
    """The form of ``[+ NEW MONITOR]`` as it is shown."""

    open: bool
    error: str
    hint: str
    types: list[Choice]
    target: str
    name: str
    every: str
    timeout: str
    only: bool
    workers: list[Choice]

    @classmethod
    def of(
        cls, refused: FormError | None, workers: Sequence[str], *, asked: bool
    ) -> "JobForm":
        """Return the empty form, or the refused one with what was typed."""
        typed = refused.typed if refused else {}
        kind, ticked = typed.get("type", "http"), typed.get("worker", [])
        return cls(
            open=asked or refused is not None,
            error=refused.message if refused else "",
            hint=refused.hint if refused else "",
            types=[Choice(t, text, t == kind) for t, text in TYPES.items()],
            target=typed.get("target", ""),
            name=typed.get("name", ""),
            every=typed.get("every", ""),
            timeout=typed.get("timeout", ""),
            only=typed.get("on") == "only",
            workers=[Choice(w, safe_text(w, 60), w in ticked) for w in workers],
        )


class EditForm(Struct, frozen=True):
    """The form that changes the basics of a job."""

    open: bool
    error: str
    hint: str
    name: str
    every: str
    timeout: str

    @classmethod
    def of(cls, refused: FormError | None, job: JobAnswer) -> "EditForm":
        """Return the form with the job's values, or with what was typed."""
        typed = refused.typed if refused else {}
        return cls(
            open=refused is not None,
            error=refused.message if refused else "",
            hint=refused.hint if refused else "",
            name=typed.get("name", job.name),
            every=typed.get("every", format_duration(job.interval_s)),
            timeout=typed.get("timeout", format_duration(job.timeout_s)),
        )


def read_job(data: MultiMapping[Any]) -> JobSpec:
    """Return the job that the form describes. Raises UsageError."""
    target = _text(data, "target", 2048)
    if not target:
        raise UsageError("give a target", hint="a host, an address or a URL")
    kind, options = _text(data, "type", 40) or "http", {}
    if kind == "dns" and "@" in target:
        # As dig writes it; the form has one field for both.
        target, _, server = target.partition("@")
        options = {"resolver": server.strip()}
    return JobSpec(
        type=kind,
        target=target.strip(),
        options=options,
        name=_text(data, "name", 200) or None,
        interval_s=_duration(data, "every"),
        timeout_s=_duration(data, "timeout"),
        on=_places(data),
    )


def read_edit(data: MultiMapping[Any]) -> JobPatch:
    """Return the changes of the edit form; what is empty stays. Raises UsageError."""
    every, timeout = _duration(data, "every"), _duration(data, "timeout")
    return JobPatch(
        name=_text(data, "name", 200) or UNSET,
        interval_s=UNSET if every is None else every,
        timeout_s=UNSET if timeout is None else timeout,
    )


def _places(data: MultiMapping[Any]) -> str:
    """Return the job's ``on``; a form that says two things is asked again."""
    ticked = [str(name) for name in data.getall("worker", [])]
    if _text(data, "on", 10) != "only":
        return "all"
    if not ticked:
        raise UsageError("tick at least one worker", hint="or choose all workers")
    return ",".join(ticked)


def _duration(data: MultiMapping[Any], name: str) -> float | None:
    text = _text(data, name, 40)
    return float(parse_duration(text)) if text else None


def _text(data: MultiMapping[Any], name: str, limit: int) -> str:
    value = str(data.get(name, "")).strip()
    if len(value) > limit:
        raise UsageError(f"{name} is longer than {limit} characters")
    return value


def _typed(data: MultiMapping[Any]) -> dict[str, Any]:
    """Return what was typed, to be shown again."""
    typed: dict[str, Any] = {key: str(data[key])[:2048] for key in data}
    typed["worker"] = [str(name)[:200] for name in data.getall("worker", [])]
    return typed
