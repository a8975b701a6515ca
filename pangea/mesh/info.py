"""What a node says of itself inside the handshake: small canonical JSON."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from pangea.core.text import safe_text
from pangea.mesh.messages import VERSIONS
from pangea.mesh.refusal import Refusal, Refused

#: What a node speaks that does not say what it speaks.
_FIRST = (1, 1)
MAX_INFO = 1024
_MAX_DEPTH = 3
_MAX_CAPS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeInfo:
    """Signed by the node itself, so as true as the node is honest.

    ``boot`` is 32 hex digits, new at each start; ``versions`` is the lowest and
    the highest version of the mesh that the node speaks. Text is safe to print.
    """

    role: str = ""
    name: str = ""
    boot: str = ""
    caps: tuple[str, ...] = ()
    versions: tuple[int, int] = VERSIONS


def write_info(info: NodeInfo) -> bytes:
    """Return *info* as canonical JSON; raise `ValueError` if it passes 1 KiB."""
    raw = _canonical(
        {
            "boot": info.boot,
            "caps": list(info.caps),
            "name": info.name,
            "role": info.role,
            "v": list(info.versions),
        }
    )
    if len(raw) > MAX_INFO:
        raise ValueError(f"node info has {len(raw)} bytes, at most {MAX_INFO} fit")
    return raw


def read_info(raw: bytes) -> NodeInfo:
    """Return what a peer says of itself, or raise `Refused`.

    Unknown keys are ignored, unknown critical ones (``!…``) are refused, and so
    is JSON that is not canonical: there is one way to say each thing.
    """
    if len(raw) > MAX_INFO:
        _refuse(f"it has {len(raw)} bytes, at most {MAX_INFO} are read")
    said = _parse(raw)
    critical = [key for key in said if key.startswith("!")]
    if critical:
        _refuse(f"it demands {safe_text(critical[0], 40)}, which is unknown here")
    return NodeInfo(
        role=_text(said, "role", 32),
        name=_text(said, "name", 63),
        boot=_text(said, "boot", 32),
        caps=_caps(said),
        versions=_versions(said),
    )


def common_version(ours: tuple[int, int], theirs: tuple[int, int]) -> int:
    """Return the highest version in both ranges, or raise `Refused`."""
    best = min(ours[1], theirs[1])
    if best < max(ours[0], theirs[0]):
        raise Refused(
            Refusal.VERSION,
            f"the peer speaks versions {theirs[0]} to {theirs[1]} of the mesh, "
            f"we speak {ours[0]} to {ours[1]}",
            hint="bring both nodes to the same release",
        )
    return best


def _parse(raw: bytes) -> Mapping[str, object]:
    try:
        said = json.loads(raw.decode("ascii"), parse_constant=_refuse)
        canonical = _canonical(said)
    except (ValueError, RecursionError) as error:
        raise Refused(Refusal.INFO, "node info is not ASCII JSON") from error
    if not isinstance(said, dict):
        _refuse("it is not an object")
    if canonical != raw:
        _refuse("it is not canonical JSON")
    if _depth(said) > _MAX_DEPTH:
        _refuse(f"it is nested deeper than {_MAX_DEPTH}")
    return said


def _canonical(said: object) -> bytes:
    return json.dumps(said, sort_keys=True, separators=(",", ":")).encode("ascii")


def _depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0


def _text(said: Mapping[str, object], key: str, limit: int) -> str:
    value = said.get(key, "")
    if not isinstance(value, str) or len(value) > limit:
        _refuse(f"{key!r} is not text of at most {limit} characters")
    return safe_text(value, 6 * limit)


def _caps(said: Mapping[str, object]) -> tuple[str, ...]:
    value = said.get("caps", [])
    if not isinstance(value, list) or len(value) > _MAX_CAPS:
        _refuse(f"'caps' is not a list of at most {_MAX_CAPS} words")
    if not all(isinstance(word, str) for word in value):
        _refuse("'caps' holds something else than words")
    return tuple(safe_text(word, 64) for word in value)


def _versions(said: Mapping[str, object]) -> tuple[int, int]:
    match said.get("v", list(_FIRST)):
        case [int(low), int(high)] if 1 <= low <= high < 2**16 and low is not True:
            return low, high
    return _refuse("'v' is not a range of versions")


def _refuse(why: str) -> NoReturn:
    raise Refused(Refusal.INFO, f"node info refused: {why}")
