"""The one place around every notifier: time, labels of drills, secrets kept secret."""

import asyncio
import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Any
from urllib.parse import quote, quote_plus, unquote

import msgspec
from msgspec.structs import replace

from pangea.core.credentials import MASK, sounds_secret
from pangea.core.errors import PangeaError
from pangea.core.text import safe_text

from .notifier import Message, Notifier, NotSent, Refused
from .place import in_words

DRILL = "[DRILL]"
TEST = "[TEST]"
#: A shorter text is found in any answer by chance, and hides nothing.
_SHORTEST = 4
#: So is a part of one that is shorter, such as the "https:" of a URL.
_SHORTEST_PART = 8
_DIGITS = re.compile(r"%[0-9A-F]{2}")


class Guarded:
    """A notifier within bounds: what it does not bound itself is bounded here.

    Only NotSent and Refused come out of ``send``, and neither they nor its answer
    hold a secret of the channel.
    """

    def __init__(self, inner: Notifier) -> None:
        self._inner = inner

    async def send(self, message: Message, options: Any, timeout_s: float) -> str:
        """Deliver *message* within *timeout_s*; return what was answered, in short.

        Raises NotSent if it may work later, Refused if it never will.
        """
        secrets = secrets_of(options, self._inner.SECRETS)
        try:
            async with asyncio.timeout(timeout_s):
                said = await self._inner.send(labelled(message), options, timeout_s)
        except TimeoutError:
            raise NotSent(f"no answer within {timeout_s:g} s") from None
        except NotSent as error:
            said = scrubbed(error, secrets)
            raise NotSent(said, retry_after_s=error.retry_after_s) from None
        except Refused as error:
            raise Refused(scrubbed(error, secrets), hint=error.hint) from None
        except (PangeaError, OSError, ValueError) as error:
            # Of this machine, such as no process to be had: it may pass.
            raise NotSent(scrubbed(in_words(error), secrets)) from None
        return scrubbed(said, secrets)


def labelled(message: Message) -> Message:
    """Return *message*; a drill and a test say so before all else."""
    label = DRILL if message.drill else TEST if message.kind == "test" else ""
    if not label or message.subject.startswith(label):
        return message
    return replace(message, subject=f"{label} {message.subject}")


def secrets_of(options: Any, names: frozenset[str]) -> list[str]:
    """Return the secret values in *options*, the longest first."""
    values = msgspec.to_builtins(options)
    found = [str(values[name]) for name in names if values.get(name)]
    headers = values.get("headers")
    if isinstance(headers, Mapping):
        found += [str(v) for name, v in headers.items() if sounds_secret(str(name))]
    return hidden_parts(found)


def hidden_parts(values: Iterable[str]) -> list[str]:
    """Return what must not be told of secret *values*, the longest first.

    "Bearer abc" may come back as "abc", and of a URL only what makes it secret; each
    may come back as it is written in a URL, in JSON, in HTML, or in base64.
    """
    found = list(values)
    parts = [part for value in found for part in re.split(r"[\s/?&=]+", _inner(value))]
    parts = [part for part in parts if len(part) >= _SHORTEST_PART]
    whole = [value for value in found if len(value) >= _SHORTEST]
    shown = {form for secret in (*whole, *parts) for form in _forms(secret)}
    return sorted(shown, key=len, reverse=True)


def _forms(secret: str) -> set[str]:
    """Return *secret* as it may be written by who repeats it."""
    said = {secret, unquote(secret)}
    for one in tuple(said):
        said |= {quote(one), quote(one, safe=""), quote_plus(one)}
        said |= {json.dumps(one)[1:-1], json.dumps(one, ensure_ascii=False)[1:-1]}
        said |= {escape(one), one.encode().hex()}
        said.update(_in_base64(one.encode()))
    # The digits of %2F may be written small.
    small = {_DIGITS.sub(lambda digits: digits[0].lower(), one) for one in said}
    return {one for one in said | small if len(one) >= _SHORTEST}


def _in_base64(secret: bytes) -> Iterator[str]:
    """Yield *secret* in base64, also inside of more, at whichever place it stands."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(secret).decode()
        yield encode(secret).decode().rstrip("=")
    for before in range(3):
        # Without the letters that share bits with what stands next to it.
        first, last = -(-before * 4 // 3), (before + len(secret)) * 4 // 3
        text = base64.b64encode(bytes(before) + secret).decode()[first:last]
        if len(text) >= _SHORTEST_PART:
            yield text
            yield text.replace("+", "-").replace("/", "_")


def _inner(value: str) -> str:
    """Return what is secret in a value: of a URL of the web not its host."""
    return re.sub(r"^https?://[^/?]*", "", value)


def scrubbed(said: object, secrets: list[str]) -> str:
    """Return what was *said* as one safe line, with a mask over each secret."""
    text = str(said)
    for secret in secrets:
        text = text.replace(secret, MASK)
        text = _without_beginning(text, secret)
    return safe_text(text, 500)


def _without_beginning(text: str, secret: str) -> str:
    """Return *text* without a beginning of *secret* at which it was cut off."""
    if "…" not in text:
        return text
    for length in range(len(secret) - 1, _SHORTEST_PART - 1, -1):
        text = text.replace(f"{secret[:length]}…", f"{MASK}…")
    return text
