"""What the API takes about workers."""

from typing import Annotated

from msgspec import Meta, Struct


class RevokeBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Why a worker is shut out, for whoever wonders later."""

    reason: Annotated[str, Meta(max_length=500)] = ""


class DrainBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Whether a worker shall get no new jobs."""

    draining: bool = True


class RenameBody(Struct, frozen=True, forbid_unknown_fields=True):
    """The new name of a worker."""

    name: Annotated[str, Meta(max_length=200)]
