"""The shape of everything that is said on a link; `messages` holds it all."""

from typing import ClassVar

from msgspec import Struct


class Message(Struct, frozen=True, array_like=True, tag=True):
    """Anything that is said on a verified link.

    ``since`` is the version of the message set that it came with.
    """

    since: ClassVar[int] = 1
