"""Writes what version 1 of the mesh says, from the code that spoke only that.

Run it with the package of commit 10e8584 on the path; it is kept to show how the
frames beside it were made, and is never run again with later code.
"""

import json
from pathlib import Path

import msgspec

from pangea.core.model import Assignment, Flag, Gap, Outcome, Result
from pangea.mesh.info import NodeInfo, write_info
from pangea.mesh.messages import (
    VERSIONS,
    Ack,
    Applied,
    Batch,
    Desired,
    Goodbye,
    Heartbeat,
    HeartbeatAck,
    Introduce,
    RunNow,
    Welcome,
    encode,
    encode_row,
)

AT_US = 1_795_300_000_123_456
EPOCH = "0f" * 16

RESULTS = [
    Result(job=1, started_at_us=AT_US, duration_ms=0.25, outcome=Outcome.OK),
    Result(
        job=2,
        started_at_us=AT_US + 1_000_000,
        duration_ms=31.5,
        outcome=Outcome.OK,
        reason="slow",
        detail="got 31.5 ms, wanted at most 30 ms",
        phases={"resolve": 1.0, "connect": 2.5, "tls": 9.0, "first_byte": 19.0},
        readings={"status": 200, "address": "192.0.2.7", "hops": ["a", None, 1.5]},
        flags=int(Flag.WARN | Flag.CHANGED),
    ),
    Result(
        job=3,
        started_at_us=AT_US + 2_000_000,
        duration_ms=10_000.0,
        outcome=Outcome.FAILED,
        reason="timeout",
        detail="no answer within 10 s",
        flags=int(Flag.REPEAT),
    ),
    Result(
        job=4,
        started_at_us=-1,
        duration_ms=0.0,
        outcome=Outcome.ERROR,
        reason="unsupported",
        detail="unknown http option 'colour'",
        flags=int(Flag.LATE | Flag.LAGGED),
    ),
]
ROWS = tuple(msgspec.Raw(encode_row(result)) for result in RESULTS)
GAP = Gap(5, 9, AT_US, AT_US + 5_000_000, "not spooled: disk full", {1: 3, 2: 2})
HTTP = Assignment(
    2,
    "http",
    "https://shop.example/ü",
    30.0,
    10.0,
    7.125,
    {"method": "GET", "headers": {"X": "1"}, "status": [200, 204], "body": None},
)
ICMP = Assignment(1, "icmp", "192.0.2.1", 0.5, 0.25, 0.0, {}, "fail")

SAID = {
    "welcome": Welcome("approved", b"s" * 32, 7, "site-b", {EPOCH: 41, "a" * 32: 0}),
    "welcome-bare": Welcome("refused", b""),
    "introduce": Introduce(
        "1" * 32,
        "0.1.0",
        "eu-north",
        (60.17, 24.94),
        {"site": "hel", "rack": "ü"},
        ("dns", "http", "icmp"),
        {"icmp": "no right to open an ICMP socket"},
    ),
    "introduce-bare": Introduce("1" * 32, "0.1.0"),
    "desired-whole": Desired(1_795_300_000_123, None, (HTTP, ICMP)),
    "desired-change": Desired(1_795_300_000_124, 1_795_300_000_123, (ICMP,), (2, 9)),
    "desired-part": Desired(1_795_300_000_125, None, (HTTP,), (), True),
    "desired-empty": Desired(1, None, ()),
    "applied": Applied(1_795_300_000_123),
    "applied-none": Applied(0),
    "batch": Batch(EPOCH, 42, ROWS, (), -1_234_567),
    "batch-with-gap": Batch(EPOCH, 10, ROWS[:1], (GAP,), 12),
    "batch-gap-only": Batch(EPOCH, 5, (), (GAP,)),
    "batch-long": Batch(EPOCH, 1, ROWS * 5),
    "ack": Ack(EPOCH, 45),
    "heartbeat": Heartbeat(AT_US, 17, 3, 1.5, -20, 350, 2),
    "heartbeat-bare": Heartbeat(AT_US),
    "heartbeat-ack": HeartbeatAck(AT_US, AT_US + 100, AT_US + 130),
    "run-now": RunNow(3, 5.0),
    "run-now-bare": RunNow(3),
    "goodbye": Goodbye("shutting down"),
    "goodbye-bare": Goodbye(),
}


def main() -> None:
    """Write each frame, and one file with what each of them means."""
    if VERSIONS != (1, 1):
        raise SystemExit("only the code of version 1 can record version 1")
    place = Path(__file__).parent / "v1"
    if place.exists():
        raise SystemExit(f"{place} is there: what was recorded stays")
    place.mkdir()
    meanings = {}
    for name, message in SAID.items():
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


def _plain(value: object) -> object:
    if isinstance(value, msgspec.Struct):
        fields = value.__struct_fields__
        return {name: _plain(getattr(value, name)) for name in fields}
    if isinstance(value, msgspec.Raw):
        return _plain(msgspec.msgpack.decode(value, type=Result))
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return msgspec.to_builtins(value, str_keys=True)


if __name__ == "__main__":
    main()
