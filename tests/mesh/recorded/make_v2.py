"""Writes what version 2 of the mesh says, from the code that spoke only 1 and 2.

It was run with the package of commit e67bbad; it is kept to show how the frames beside
it were made. It writes nothing over what is there, and later code cannot run it.
"""

import json
from pathlib import Path

import msgspec
from nacl.signing import SigningKey

from pangea.core.model import Assignment, Flag, Gap, Outcome, Result
from pangea.core.peer_stats import PeerState
from pangea.mesh.circuit_messages import (
    CircuitData,
    CircuitWindow,
    CloseCircuit,
    OpenCircuit,
)
from pangea.mesh.info import NodeInfo, write_info
from pangea.mesh.messages import (
    VERSIONS,
    Ack,
    Applied,
    Batch,
    Credit,
    Desired,
    Digest,
    Goodbye,
    Heartbeat,
    HeartbeatAck,
    Introduce,
    RunNow,
    Secrets,
    SecretsKept,
    Welcome,
    encode,
    encode_row,
)
from pangea.mesh.peer_messages import AskPeer, PeerReport, PeerSaid, Ping, Pong, Roster
from pangea.mesh.roster import RosterBody, RosterNode, sign_roster
from pangea.mesh.secret_ring import Secret, SecretRing, SecretState

AT_US = 1_795_300_000_123_456
EPOCH = "0f" * 16
KEY, OTHER = b"k" * 32, b"o" * 32


class Signer:
    """Signs with a key that everybody knows."""

    def __init__(self) -> None:
        self._key = SigningKey(b"2" * 32)
        self.public_key = bytes(self._key.verify_key)

    def sign(self, message: bytes) -> bytes:
        """Return the signature of *message*."""
        return self._key.sign(message).signature


SIGNER = Signer()

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
ICMP = Assignment(1, "icmp", "192.0.2.1", 0.5, 0.25, 0.0, {}, "fail", True)
NODES = (
    RosterNode(KEY, "hel", "worker", ("192.0.2.1:7464", "[2001:db8::1]:7464"), "eu"),
    RosterNode(SIGNER.public_key, "c", "coordinator", (), ""),
)
ROSTER = sign_roster(
    RosterBody(
        version=7,
        issued_us=AT_US,
        expires_us=AT_US + 86_400_000_000,
        coordinators=(SIGNER.public_key,),
        nodes=NODES,
    ),
    SIGNER,
)
RING = SecretRing(
    (
        Secret(id="aaaaaaaa", key="01" * 32, created=1_795_300_000),
        Secret(
            id="bbbbbbbb",
            key="02" * 32,
            created=1_795_200_000,
            state=SecretState.OLD,
        ),
    )
)
BATCH = Batch(
    EPOCH,
    42,
    ROWS,
    (GAP,),
    -1_234_567,
    "b" * 32,
    (1_000_000_000, 2_000_000_000, 0, 4_000_000_000),
    1_795_299_000_000_000,
    350,
    AT_US + 9_000_000,
)

SAID = {
    "welcome": Welcome("approved", b"s" * 32, 7, "site-b", {EPOCH: 41}, RING.json),
    "welcome-pending": Welcome("pending", b"s" * 32),
    "introduce": Introduce(
        "1" * 32,
        "0.2.0",
        "eu-north",
        (60.17, 24.94),
        {"site": "hel", "rack": "ü"},
        ("dns", "http", "icmp"),
        {"icmp": "no right to open an ICMP socket", "ipv6": "no IPv6 here"},
        7464,
        ("192.0.2.1:7464",),
        7,
    ),
    "introduce-bare": Introduce("1" * 32, "0.2.0"),
    "desired-whole": Desired(1_795_300_000_123, None, (HTTP, ICMP)),
    "desired-change": Desired(1_795_300_000_124, 1_795_300_000_123, (ICMP,), (2, 9)),
    "desired-part": Desired(1_795_300_000_125, None, (HTTP,), (), True),
    "desired-empty": Desired(1, None, ()),
    "applied": Applied(1_795_300_000_123),
    "batch": BATCH,
    "batch-bare": Batch(EPOCH, 42, ROWS),
    "batch-gap-only": Batch(EPOCH, 5, (), (GAP,)),
    "digest": Digest(BATCH),
    "credit": Credit(250.0),
    "credit-none": Credit(0.0),
    "ack": Ack(EPOCH, 45),
    "heartbeat": Heartbeat(
        AT_US, 17, 3, 1.5, -20, 350, 2, 400, -1500, 60_000, "disk full", 12
    ),
    "heartbeat-bare": Heartbeat(AT_US),
    "heartbeat-ack": HeartbeatAck(AT_US, AT_US + 100, AT_US + 130, 45.0),
    "run-now": RunNow(3, 5.0),
    "secrets": Secrets(RING.json),
    "secrets-kept": SecretsKept(RING.ids),
    "goodbye": Goodbye("shutting down"),
    "goodbye-twin": Goodbye("another came later", True),
    "roster": Roster(ROSTER.body, ROSTER.signature),
    "ping": Ping(41, AT_US, 5_000, 7),
    "ping-bare": Ping(1, AT_US),
    "pong": Pong(41, AT_US + 200, AT_US + 220),
    "peer-report": PeerReport(
        (
            PeerState(KEY, True, 1_500, 0.125, -40, False, True, "", "direct"),
            PeerState(OTHER, dial="it tells no address", path=""),
        ),
        True,
        True,
    ),
    "peer-report-bare": PeerReport(()),
    "ask-peer": AskPeer(9, OTHER),
    "peer-said": PeerSaid(9, True),
    "open-circuit": OpenCircuit(3, 262_144),
    "circuit-data": CircuitData(-3, b"\x00sealed"),
    "circuit-window": CircuitWindow(3, 65_536),
    "close-circuit": CloseCircuit(-3, "the link has ended"),
}


def main() -> None:
    """Write each frame, and one file with what each of them means."""
    if VERSIONS != (1, 2):
        raise SystemExit("only the code of version 2 can record version 2")
    place = Path(__file__).parent / "v2"
    try:
        place.mkdir()
    except FileExistsError:
        raise SystemExit(f"{place} is there: what was recorded stays") from None
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
