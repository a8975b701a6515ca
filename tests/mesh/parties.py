"""Two honest parties with fixed keys, and an attacker that builds any message."""

from nacl.bindings import crypto_scalarmult, crypto_scalarmult_base
from nacl.signing import SigningKey

from pangea.mesh.first_message import KIND_SECRET, NO_HINT, mixed_secret, write_first
from pangea.mesh.handshake import Initiator, Responder
from pangea.mesh.info import NodeInfo, write_info
from pangea.mesh.replay import ReplayCache
from pangea.mesh.transcript import Transcript, digest

SECRET = bytes(range(32))
OTHER_SECRET = bytes(range(1, 33))
WORKER_INFO = write_info(NodeInfo(role="worker", name="w1"))
COORDINATOR_INFO = write_info(NodeInfo(role="coordinator", name="c"))


class Key:
    """A node key made from a seed."""

    def __init__(self, seed: bytes) -> None:
        self._key = SigningKey(seed)
        self.public_key = bytes(self._key.verify_key)

    def sign(self, data: bytes) -> bytes:
        return self._key.sign(data).signature


WORKER = Key(b"w" * 32)
COORDINATOR = Key(b"c" * 32)
STRANGER = Key(b"s" * 32)


def anyone(public_key, info):
    """Accept every proven peer."""


def initiator(**changes):
    given = {
        "identity": WORKER,
        "secret": SECRET,
        "info": WORKER_INFO,
        "check_peer": anyone,
    }
    return Initiator(**(given | changes))


def responder(**changes):
    given = {
        "identity": COORDINATOR,
        "secrets": [SECRET],
        "info": COORDINATOR_INFO,
        "check_peer": anyone,
        "replays": ReplayCache(),
    }
    return Responder(**(given | changes))


def shake(one, two, now=0.0):
    """Run a whole handshake; return both sessions."""
    m3, ours = one.finish(two.answer(one.start(), now))
    return ours, two.finish(m3)


class Forger:
    """Speaks one side of the handshake with every value open to change."""

    def __init__(self, secret=SECRET, prologue=b"tcp", ephemeral=b"f" * 32):
        self.transcript = Transcript(prologue)
        self.secret = secret
        self.ephemeral = ephemeral
        self.public = crypto_scalarmult_base(ephemeral)

    def first(self, kind=KIND_SECRET, hint=NO_HINT):
        m1 = write_first(self.secret, self.public, kind=kind, hint=hint)
        self._bind_first(m1)
        return m1

    def second(self, m1, key=COORDINATOR, info=COORDINATOR_INFO, **changes):
        self._bind_first(m1)
        self.transcript.mix_hash(self.public)
        self.transcript.mix_key(crypto_scalarmult(self.ephemeral, m1[14:46]))
        return self.public + self.proof(key, info, **changes)

    def read_second(self, m2):
        self.transcript.mix_hash(m2[:32])
        self.transcript.mix_key(crypto_scalarmult(self.ephemeral, m2[:32]))
        return self.transcript.open(m2[32:])

    def third(self, m2, key=WORKER, info=WORKER_INFO, **changes):
        self.read_second(m2)
        self.transcript.mix_key(b"m3")
        return self.proof(key, info, **({"label": b"initiator"} | changes))

    def proof(self, key, info, *, label=b"responder", claim=None, over=None):
        named = claim or key.public_key
        bound = self.transcript.hash if over is None else over
        hashed = digest(bound + named + info, "pangea1.sig")
        signature = key.sign(b"PANGEA-HS1 signature " + label + b"\0" + hashed)
        return self.transcript.seal(named + signature + info)

    def _bind_first(self, m1):
        self.transcript.mix_hash(m1)
        self.transcript.mix_key(mixed_secret(self.secret))
