"""The form of a job, to add one or to change one: every field that a job has."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct
from multidict import MultiMapping

from pangea.core.durations import format_duration, parse_duration
from pangea.core.errors import UsageError
from pangea.core.model import PUSHED
from pangea.core.text import safe_text
from pangea.probes.base import probe_class

from .forms import Choice, FormError
from .job_options import OptionField, option_fields, probe_types, read_option
from .schema import JobAnswer, JobPatch, JobSpec
from .text import t

#: An option's field in the form is called so.
PREFIX = "opt."
#: What the answers of a form may be as long as.
LONGEST = {"target": 2048, "name": 200, "rule": 300, "labels": 8000, "depends_on": 4000}
QUORUMS = ("majority", "any", "all")
_LABEL = re.compile(r"[\n,]")


class JobFields(Struct, frozen=True, kw_only=True):
    """The fields as they are shown, with what was typed or what the job has.

    ``told`` is a job that reports by itself: no worker asks anything.
    """

    adds: bool
    error: str
    hint: str
    type: str
    types: list[Choice]
    told: bool
    does: str
    target: str
    target_help: str
    name: str
    every: str
    usual_every: str
    timeout: str
    usual_timeout: str
    on: str
    on_text: str
    workers: list[Choice]
    rule: str
    expects_fail: bool
    labels: str
    depends_on: str
    slo: str
    first: list[OptionField]
    more: list[OptionField]
    unfold: bool

    @classmethod
    def of(
        cls,
        type_: str,
        workers: Sequence[str],
        *,
        typed: Mapping[str, Any] | None = None,
        job: JobAnswer | None = None,
        refused: FormError | None = None,
        intervals: Mapping[str, float] | None = None,
    ) -> "JobFields":
        """Return the fields of a new job of *type_*, or of *job*.

        What was *typed*, or *refused*, stands in them again. *intervals* are those
        that are configured for types, in seconds.
        """
        said = dict(_values(job) if job else {})
        said |= refused.typed if refused else typed or {}
        fields = option_fields(type_, _options(said))
        ticked, on = said.get("worker", []), said.get("on", "all")
        more = [field for field in fields if not field.first]
        usual_s = (intervals or {}).get(type_, probe_class(type_).default_interval_s)
        return cls(
            adds=job is None,
            error=refused.message if refused else "",
            hint=refused.hint if refused else "",
            type=type_,
            types=[Choice(k, _of_type("type", k), k == type_) for k in probe_types()],
            told=type_ in PUSHED,
            target=said.get("target", ""),
            does=_of_type("type", type_),
            target_help=_of_type("target", type_),
            name=said.get("name", ""),
            every=said.get("every", ""),
            usual_every=format_duration(usual_s),
            timeout=said.get("timeout", ""),
            usual_timeout=format_duration(min(10.0, 0.8 * usual_s)),
            on=on if on in ("all", "only", "other") else "all",
            on_text=said.get("on_text", ""),
            workers=[Choice(w, safe_text(w, 60), w in ticked) for w in workers],
            rule=said.get("rule", ""),
            expects_fail=said.get("expect") == "fail",
            labels=said.get("labels", ""),
            depends_on=said.get("depends_on", ""),
            slo=said.get("slo", ""),
            first=[field for field in fields if field.first],
            more=more,
            unfold=any(field.value not in ("", field.default) for field in more),
        )


def read_spec(data: MultiMapping[Any]) -> JobSpec:
    """Return the new job that a form describes. Raises UsageError."""
    type_ = _text(data, "type") or "http"
    target, options = _text(data, "target"), dict(read_options(type_, data))
    if not target:
        raise UsageError("give a target", hint=_of_type("target", type_))
    if type_ == "dns" and "@" in target:
        # As dig writes it: one field for both is quicker to type.
        target, _, server = target.partition("@")
        options = {"resolver": server.strip(), **options}
    return JobSpec(
        type=type_,
        target=target.strip(),
        name=_text(data, "name") or None,
        interval_s=_duration(data, "every"),
        timeout_s=_duration(data, "timeout"),
        on=read_places(data),
        rule=_text(data, "rule"),
        expect="fail" if _text(data, "expect") == "fail" else "ok",
        options=options,
        labels=read_labels(_text(data, "labels")),
        depends_on=_names(_text(data, "depends_on")),
        slo=_share(_text(data, "slo")),
    )


def read_patch(data: MultiMapping[Any], job: JobAnswer) -> JobPatch:
    """Return the changes of *job* that a form with all its fields describes.

    A secret that was left empty stays as it is. Raises UsageError.
    """
    changes: dict[str, Any] = {
        "target": _text(data, "target"),
        "name": _text(data, "name"),
        "interval_s": _duration(data, "every"),
        "timeout_s": _duration(data, "timeout"),
    }
    changes = {name: value for name, value in changes.items() if value}
    rule = _text(data, "rule")
    if rule != job.rule:
        # One that was left as it stood may be that of the organisation: it stays so.
        changes["rule"] = rule
    given = dict(read_options(job.type, data))
    fields = option_fields(job.type, job.options)
    shown = {f.name for f in fields if not f.secret and PREFIX + f.name in data}
    gone = {name: None for name in job.options if name in shown and name not in given}
    labels = read_labels(_text(data, "labels"))
    return JobPatch(
        **changes,
        on=read_places(data),
        expect="fail" if _text(data, "expect") == "fail" else "ok",
        options={**gone, **given},
        labels={**dict.fromkeys(job.labels.keys() - labels.keys()), **labels},
        depends_on=_names(_text(data, "depends_on")),
        slo=_share(_text(data, "slo")),
    )


def read_options(type_: str, data: MultiMapping[Any]) -> Iterator[tuple[str, Any]]:
    """Yield the options that were typed and are not what they are anyway."""
    usual = {field.name: field.default for field in option_fields(type_, {})}
    for name, default in usual.items():
        typed = str(data.get(PREFIX + name, ""))
        value = read_option(type_, name, typed)
        if value is not None and typed.strip() != default:
            yield name, value


def read_places(data: MultiMapping[Any]) -> str:
    """Return the job's ``on``; a form that says two things is asked again."""
    ticked = [str(name)[:200] for name in data.getall("worker", [])]
    where = _text(data, "on")
    if where == "other":
        return _text(data, "on_text") or "all"
    if where != "only":
        return "all"
    if not ticked:
        raise UsageError("tick at least one worker", hint="or choose all workers")
    return ",".join(ticked)


def read_labels(text: str) -> dict[str, str]:
    """Return the labels of ``key=value`` lines, or with commas. Raises UsageError."""
    labels = {}
    for part in filter(None, map(str.strip, _LABEL.split(text))):
        key, sign, value = part.partition("=")
        if not sign or not key.strip():
            raise UsageError(f"{part!r} is no label", hint="write key=value")
        labels[key.strip()] = value.strip()
    return labels


def _values(job: JobAnswer) -> Iterator[tuple[str, Any]]:
    """Yield what *job* has as if it had been typed."""
    named = job.on != "all" and ":" not in job.on
    yield "target", job.target
    yield "name", job.name
    yield "every", format_duration(job.interval_s)
    yield "timeout", format_duration(job.timeout_s)
    yield "on", "only" if named else "all" if job.on == "all" else "other"
    yield "on_text", "" if named or job.on == "all" else job.on
    yield "worker", job.on.split(",") if named else []
    yield "rule", job.rule
    yield "expect", job.expect
    yield "labels", "\n".join(f"{key}={value}" for key, value in job.labels.items())
    yield "depends_on", ", ".join(job.depends_on)
    yield "slo", f"{job.slo:g}" if job.slo else ""
    for name, value in job.options.items():
        yield PREFIX + name, value


def _options(said: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key.removeprefix(PREFIX): value
        for key, value in said.items()
        if key.startswith(PREFIX)
    }


def _of_type(what: str, type_: str) -> str:
    """Return what its target is like, or what the ``type`` itself does."""
    try:
        return t(f"new.{what}_{type_}")
    except LookupError:  # of a plug-in
        return ""


def _names(text: str) -> list[str]:
    return [name for name in re.split(r"[\s,]+", text) if name]


def _share(text: str) -> float:
    try:
        return float(text.removesuffix("%").strip() or 0)
    except ValueError:
        raise UsageError(f"{text!r} is no share", hint="such as 99.9") from None


def _duration(data: MultiMapping[Any], name: str) -> float | None:
    text = _text(data, name)
    return float(parse_duration(text)) if text else None


def _text(data: MultiMapping[Any], name: str) -> str:
    value = str(data.get(name, "")).strip()
    limit = LONGEST.get(name, 100)
    if len(value) > limit:
        raise UsageError(f"{name} is longer than {limit} characters")
    return value
