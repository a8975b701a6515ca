"""What is wrong with a form, and what was typed into it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from msgspec import Struct
from multidict import MultiMapping

from pangea.core.errors import Conflict, NotAllowed, UsageError
from pangea.core.text import safe_text


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


def _typed(data: MultiMapping[Any]) -> dict[str, Any]:
    """Return what was typed, to be shown again."""
    typed: dict[str, Any] = {key: str(data[key])[:65_536] for key in data}
    typed["worker"] = [str(name)[:200] for name in data.getall("worker", [])]
    return typed
