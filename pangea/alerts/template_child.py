"""The child that renders templates: JSON in, JSON out, and it can do nothing else."""

import resource
import sys
from collections.abc import Callable
from typing import Any

import msgspec
from jinja2 import StrictUndefined, TemplateSyntaxError
from jinja2.exceptions import SecurityError, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from pangea.alerts.rendering import Answered, Asked

#: What an environment of Jinja offers that nobody needs in a message.
_NOT_GLOBAL = ("lipsum", "cycler", "joiner")
_NOT_FILTERS = ("attr", "pprint", "random")
CPU_S = 2
#: Rendered before all else, for what they make Python import: a codec, a text
#: wrapper, the rewriting of tracebacks.
_FIRST = ("{{ 'a\\n'|wordwrap(1)|tojson|urlize }}", "{{ nothing }}", "{% if %}")
MEMORY = 512 * 1024 * 1024


class TooLong(TemplateError):
    """More was made than is allowed."""


class Unbounded(Exception):
    """A limit cannot be set: nothing is rendered without it."""


def confine() -> None:
    """Give everything up that rendering does not need, for good.

    No further file or socket can be opened, so that even a way out of the sandbox
    leads nowhere. Raises Unbounded if the system does not let us give it up.
    """
    for what, limit in (
        (resource.RLIMIT_CPU, CPU_S),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 3),
        (resource.RLIMIT_AS, MEMORY),
    ):
        try:
            _give_up(what, limit)
        except (OSError, ValueError) as error:
            # That of memory is one that macOS knows and does not let anybody set.
            if what != resource.RLIMIT_AS or sys.platform != "darwin":
                raise Unbounded(f"it cannot be confined here: {error}") from error


def _give_up(what: int, limit: int) -> None:
    """Lower a limit to *limit*, or leave it where it is if it is lower."""
    _, hard = resource.getrlimit(what)
    lowest = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    resource.setrlimit(what, (lowest, lowest))


def environment(*, html: bool) -> ImmutableSandboxedEnvironment:
    """Return the sandbox; a name that is not known is an error."""
    made = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        autoescape=html,
        keep_trailing_newline=True,
        auto_reload=False,
        cache_size=0,
    )
    for name in _NOT_GLOBAL:
        made.globals.pop(name, None)
    for name in _NOT_FILTERS:
        made.filters.pop(name, None)
    return made


def answer(asked: Asked) -> Answered:
    """Return the texts, or what is wrong with the first template that is."""
    sandbox, texts = environment(html=asked.html), list[str]()
    for values in asked.cases:
        left = asked.limit
        for at, template in enumerate(asked.templates):
            try:
                text = bounded(sandbox, template, values, left)
            except (TemplateError, *_WRONG) as error:
                return Answered(error=in_words(error), at=at, line=line_of(error))
            left -= len(text)
            texts.append(text)
    return Answered(texts=texts)


#: What expressions of a template may raise, by what they do with values.
_WRONG = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)


def bounded(
    sandbox: ImmutableSandboxedEnvironment,
    template: str,
    values: dict[str, Any],
    limit: int,
) -> str:
    """Return what *template* makes of *values*; TooLong as soon as it is."""
    parts: list[str] = []
    for part in sandbox.from_string(template).generate(values):
        limit -= len(part)
        if limit < 0:
            raise TooLong("it makes too long a text")
        parts.append(part)
    return "".join(parts)


def in_words(error: Exception) -> str:
    """Return what is wrong, for who wrote the template."""
    said = str(error) or type(error).__name__
    if isinstance(error, SecurityError):
        return f"not allowed: {said}"
    if isinstance(error, MemoryError):
        return "it takes too much memory"
    return said


def line_of(error: BaseException) -> int:
    """Return the line of the template at which *error* arose, 0 if not known."""
    if isinstance(error, TemplateSyntaxError):
        return error.lineno
    trace, line = error.__traceback__, 0
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def main(
    read: Callable[[], bytes] = sys.stdin.buffer.read,
    write: Callable[[bytes], Any] = sys.stdout.buffer.write,
) -> None:
    """Answer once."""
    asked = msgspec.json.decode(read(), type=Asked)
    # Whatever is imported late must be here before files are closed to us.
    for template in _FIRST:
        answer(Asked(templates=[template], cases=[{}], limit=10))
    try:
        confine()
        answered = answer(asked)
    except Unbounded as error:
        answered = Answered(error=str(error))
    write(msgspec.json.encode(answered))


if __name__ == "__main__":
    main()
