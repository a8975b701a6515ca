"""What the API tells and takes of channels."""

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from pangea.core.channel import PER_MINUTE

Name = Annotated[str, Meta(min_length=1, max_length=63)]
PerMinute = Annotated[int, Meta(ge=0, le=10_000)]
Options = Annotated[dict[str, Any], Meta(max_length=50)]


class ChannelSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A channel to add: its options are those of its type (``channel-types``).

    It carries at most ``per_minute`` messages a minute; 0 is no limit.
    """

    name: Name
    type: Name
    options: Options = {}
    enabled: bool = True
    per_minute: PerMinute = PER_MINUTE


class ChannelPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be other; an option that is not given stays, null takes it away.

    The mask that stands for a secret leaves it as it is.
    """

    name: Name | UnsetType = UNSET
    options: Options | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    per_minute: PerMinute | UnsetType = UNSET


class ChannelAnswer(Struct, frozen=True, kw_only=True):
    """A channel: ``place`` is where it leads; what is secret in it is masked.

    ``trouble`` says why nothing can be sent over it as things are. ``used_by`` are
    the rules that name it, ``used_as_all`` those that tell all channels.
    """

    name: str
    type: str
    place: str
    enabled: bool
    per_minute: int
    options: dict[str, Any]
    used_by: list[str]
    used_as_all: list[str] = []
    trouble: str
    created_at: str


class ChannelTest(Struct, frozen=True, kw_only=True):
    """How a test went: ``sent``, ``later`` (it may work another time) or ``refused``.

    ``answer`` is what was answered, or what went wrong.
    """

    channel: str
    outcome: str
    answer: str
    hint: str
    took_ms: float
    retry_after_s: float | None


class OptionAnswer(Struct, frozen=True, kw_only=True):
    """An option: a ``default`` of null means that it must be given."""

    name: str
    secret: bool
    default: str | None


class ChannelType(Struct, frozen=True, kw_only=True):
    """A type of channel: what it reaches, and how it is configured."""

    name: str
    does: str
    options: list[OptionAnswer]
