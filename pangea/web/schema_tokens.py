"""What the API answers and accepts of join tokens."""

from typing import Annotated

from msgspec import Meta, Struct


class TokenSpec(Struct, frozen=True, forbid_unknown_fields=True):
    """A join token to be made: how long it lives, and what it brings.

    With ``approve`` whoever joins by it is approved at once; ``site`` is the region
    of a worker that says none.
    """

    expires_s: Annotated[float, Meta(ge=10, le=86400)] = 3600.0
    approve: bool = False
    site: Annotated[str, Meta(max_length=63)] = ""


class TokenAnswer(Struct, frozen=True, kw_only=True):
    """A join token, shown this once, and the command that uses it.

    ``addresses`` are where it leads; ``note`` says what is wrong with them.
    """

    token: str
    id: str
    expires_at: str
    command: str
    addresses: list[str] = []
    note: str = ""


class TokenState(Struct, frozen=True, kw_only=True):
    """What became of a join token; its secret is shown to nobody again.

    ``state`` is open, used, expired or withdrawn; ``used_by`` is the id of the
    worker that used it, ``worker`` its name while it is on the list.
    """

    id: str
    state: str
    approve: bool
    site: str
    created_at: str
    created_by: str
    expires_at: str
    used_at: str | None = None
    used_by: str | None = None
    worker: str | None = None

    @property
    def name(self) -> str:
        """The order of the list, oldest first, and the cursor of its pages."""
        return f"{self.created_at} {self.id}"
