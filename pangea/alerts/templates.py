"""Templates that people write: rendered in a sandbox, in a process of its own.

A template sees the values that it is given and nothing else. It runs in a child
without environment, files or network, with bounded time, memory and output; so one
that loops, or asks for a gigabyte of blanks, harms itself alone.
"""

import asyncio
from asyncio import AbstractEventLoop, Semaphore
from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import msgspec

from pangea.core.errors import PangeaError, UsageError
from pangea.core.text import safe_text

from . import child
from .rendering import Answered, Asked

#: Characters that all templates of one message make together, at most.
MAX_RENDERED = 64 * 1024
#: Characters of one template, and of all together.
MAX_TEMPLATE = 16 * 1024
#: How long rendering may take, with the start of the child.
TIMEOUT_S = 10.0
_CHILD = "pangea.alerts.template_child"
#: So many children run at once; each is a Python of its own.
AT_ONCE = 8
_turns: WeakKeyDictionary[AbstractEventLoop, Semaphore] = WeakKeyDictionary()


class Faulty(UsageError):
    """Template ``at`` of those given is wrong; the message says how and where."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


async def render(
    templates: Sequence[str],
    values: Mapping[str, Any],
    *,
    html: bool = False,
    limit: int = MAX_RENDERED,
) -> list[str]:
    """Return the texts that *templates* make of *values*.

    Raises Faulty for a template that is wrong or makes more than *limit* characters
    or takes too long, PangeaError if no child can be started.
    """
    return (await render_each(templates, [values], html=html, limit=limit))[0]


async def render_each(
    templates: Sequence[str],
    cases: Sequence[Mapping[str, Any]],
    *,
    html: bool = False,
    limit: int = MAX_RENDERED,
) -> list[list[str]]:
    """Return what *templates* make of each of *cases*, as ``render`` does of one."""
    if not any("{" in template for template in templates):
        return [list(templates) for _ in cases]
    if sum(map(len, templates)) > MAX_TEMPLATE:
        raise Faulty(f"template: longer than {MAX_TEMPLATE} characters", 0)
    told = [dict(values) for values in cases]
    asked = Asked(templates=list(templates), cases=told, limit=limit, html=html)
    try:
        # Who waits for others is not to blame for the time that they take.
        async with _turn(), asyncio.timeout(TIMEOUT_S):
            ended = await child.run_module(_CHILD, msgspec.json.encode(asked))
    except TimeoutError as error:
        raise Faulty("template: it takes too long", 0) from error
    except OSError as error:
        raise PangeaError(f"no process for a template: {error.strerror}") from error
    texts, many = _texts(ended), len(templates)
    return [texts[at : at + many] for at in range(0, len(texts), many)]


def _turn() -> Semaphore:
    """Return what is held while a child runs."""
    return _turns.setdefault(asyncio.get_running_loop(), Semaphore(AT_ONCE))


def _texts(ended: child.Ended) -> list[str]:
    try:
        answered = msgspec.json.decode(ended.output, type=Answered)
    except msgspec.DecodeError as error:
        # Killed by its own limits, in the middle of whatever it did.
        raise Faulty("template: it takes too long or too much memory", 0) from error
    if answered.error:
        where = f" in line {answered.line}" if answered.line else ""
        raise Faulty(f"template: {safe_text(answered.error)}{where}", answered.at)
    return answered.texts


async def render_tree(tree: Any, cases: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Return *tree* (of JSON) of each case, every text in it taken for a template.

    Each is rendered by itself: whatever a value holds, it stays inside its text.
    """
    leaves: list[str] = []
    _collect(tree, leaves)
    return [_rebuilt(tree, iter(one)) for one in await render_each(leaves, cases)]


def _collect(tree: Any, leaves: list[str]) -> None:
    if isinstance(tree, str):
        leaves.append(tree)
    for inner in _inner(tree):
        _collect(inner, leaves)


def _rebuilt(tree: Any, texts: Any) -> Any:
    if isinstance(tree, str):
        return next(texts)
    if isinstance(tree, dict):
        return {key: _rebuilt(value, texts) for key, value in tree.items()}
    return [_rebuilt(one, texts) for one in tree] if isinstance(tree, list) else tree


def _inner(tree: Any) -> Sequence[Any]:
    if isinstance(tree, dict):
        return list(tree.values())
    return tree if isinstance(tree, list) else ()
