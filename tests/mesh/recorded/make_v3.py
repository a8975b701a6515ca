"""Writes what version 3 of the mesh says, from the code that spoke up to 3.

It was run with the package of the commit that brought it; it is kept to show how the
frames beside it were made. It writes nothing over what is there, and later code cannot
run it. What version 2 said already is said with the same words here.
"""

import json
from pathlib import Path

from make_v2 import AT_US, EPOCH, HTTP, ICMP, SAID, _plain
from msgspec import Raw
from msgspec.structs import replace

from pangea.core.model import Flag, Outcome, Result
from pangea.mesh.info import NodeInfo, write_info
from pangea.mesh.messages import VERSIONS, Batch, Desired, encode, encode_row
from pangea.mesh.probe_messages import AskProbe, Check, Health, ProbeSaid, Window

SICK = Result(
    job=3,
    started_at_us=AT_US,
    duration_ms=5.0,
    outcome=Outcome.FAILED,
    reason="timeout",
    detail="no answer within 5 ms",
    flags=int(Flag.SICK | Flag.DRILL),
)
ROW = encode_row(SICK)
CHECKS = (
    Check("gateway", False, "no answer from 192.0.2.1 within 1 s", 1000.25),
    Check("clock", True),
)
WINDOWS = (
    Window(AT_US - 60_000_000, AT_US - 30_000_000, "resolver"),
    Window(AT_US, 0, "gateway: ü"),
)
NEW = {
    "desired-drill": Desired(9, 8, (replace(ICMP, drill=True), HTTP)),
    "batch-sick": Batch(EPOCH, 42, (Raw(ROW),)),
    "health": Health(AT_US + 5_000_000, CHECKS, WINDOWS, -1_500),
    "health-bare": Health(AT_US),
    "ask-probe": AskProbe(
        11, "http", "https://shop.example/ü", {"method": "HEAD"}, 2.5, "fail", True
    ),
    "ask-probe-bare": AskProbe(12, "icmp", "192.0.2.1", {}, 1.0),
    "probe-said": ProbeSaid(11, ROW, "", False),
    "probe-said-refused": ProbeSaid(12, b"", "the policy forbids icmp"),
    "probe-said-bare": ProbeSaid(13),
}


def main() -> None:
    """Write each frame, and one file with what each of them means."""
    if VERSIONS != (1, 3):
        raise SystemExit("only the code of version 3 can record version 3")
    place = Path(__file__).parent / "v3"
    try:
        place.mkdir()
    except FileExistsError:
        raise SystemExit(f"{place} is there: what was recorded stays") from None
    meanings = {}
    for name, message in (SAID | NEW).items():
        (place / f"{name}.bin").write_bytes(encode(message))
        meaning = {"says": type(message).__name__}
        for field in message.__struct_fields__:
            meaning[field] = _plain(getattr(message, field))
        meanings[name] = meaning
    text = json.dumps(meanings, indent=1, ensure_ascii=False, sort_keys=True)
    (place / "meanings.json").write_text(text + "\n")
    for role in ("worker", "coordinator"):
        info = NodeInfo(role=role, name="n-1", boot="1" * 32, caps=("icmp",))
        (place / f"{role}-info.json").write_bytes(write_info(info))


if __name__ == "__main__":
    main()
