"""PANGEA-HS1 as two state machines without I/O: bytes in, bytes or a refusal out.

::

    Initiator                                  Responder
    state     step      says     next          state     step      says     next
    ───────── ───────── ──────── ─────────     ───────── ───────── ──────── ─────────
    new       start     M1       awaits M2     new       answer    M2       awaits M3
    awaits M2 finish    M3       done          awaits M3 finish    -        done
    any       refusal   -        failed        any       refusal   -        failed

    M1  "PNG1" suite kind hint(8) e_I(32) mac1(16)           62 bytes exactly
    M2  e_R(32) Seal( id_R(32) sig_R(64) info_R )            at most 1168 bytes
    M3  Seal( id_I(32) sig_I(64) info_I )                    at most 1136 bytes

M1 proves the cluster secret (or a join token) and nothing else; M2 and M3 prove
the identities, sealed under the ephemeral keys. The initiator names itself only
after it has verified the responder. A machine that refused stays refused: there
is no second try with a lower version or without the secret.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import cached_property

from nacl.bindings import crypto_scalarmult, crypto_scalarmult_base
from nacl.exceptions import CryptoError
from nacl.signing import VerifyKey
from nacl.utils import random

from pangea.mesh.first_message import (
    KIND_SECRET,
    NO_HINT,
    mixed_secret,
    proven_secret,
    read_first,
    write_first,
)
from pangea.mesh.info import MAX_INFO, NodeInfo, common_version, read_info
from pangea.mesh.refusal import Refusal, Refused
from pangea.mesh.replay import ReplayCache
from pangea.mesh.secret_ring import secret_id
from pangea.mesh.session import Session, Signer
from pangea.mesh.transcript import Transcript, digest

MAX_SECRETS = 3

_PROOF_SIZE = 32 + 64
_SEAL_SIZE = 16
_SIGNATURE = b"PANGEA-HS1 signature %s\0"

CheckPeer = Callable[[bytes, NodeInfo], None]
FindToken = Callable[[bytes], bytes | None]


class _State(StrEnum):
    NEW = "new"
    AWAITS_M2 = "awaits M2"
    AWAITS_M3 = "awaits M3"
    DONE = "done"
    FAILED = "failed"


class _Side:
    """What initiator and responder share.

    *info* is our own node info as canonical JSON; *check_peer* gets the peer's
    proven key and info and raises `ProtocolError` if that is not who we want.
    *ephemeral* is given in tests only.
    """

    _label: bytes
    _peer_label: bytes

    def __init__(
        self,
        identity: Signer,
        info: bytes,
        check_peer: CheckPeer,
        *,
        prologue: bytes = b"tcp",
        ephemeral: bytes | None = None,
    ) -> None:
        self._identity = identity
        self._info = info
        self._versions = read_info(info).versions
        self._check_peer = check_peer
        self._transcript = Transcript(prologue)
        self._ephemeral = ephemeral or random(32)
        self._state = _State.NEW

    @cached_property
    def _ephemeral_public(self) -> bytes:
        # Made when it is needed: a forged first message is not worth it.
        return crypto_scalarmult_base(self._ephemeral)

    def _enter(self, expected: _State) -> None:
        if self._state is not expected:
            message = f"a step for {expected}, but the handshake is {self._state}"
            raise Refused(Refusal.ORDER, message)
        # Whatever is raised from here on leaves the machine failed for good.
        self._state = _State.FAILED

    def _mix_dh(self, peer_ephemeral: bytes) -> None:
        if peer_ephemeral == self._ephemeral_public:
            raise Refused(Refusal.REFLECTION, "our own ephemeral key came back")
        try:
            shared = crypto_scalarmult(self._ephemeral, peer_ephemeral)
        except CryptoError as error:
            raise Refused(Refusal.KEY, "ephemeral key of low order") from error
        self._transcript.mix_key(shared)
        self._ephemeral = b""

    def _proof(self) -> bytes:
        own = self._identity.public_key
        signed = _to_sign(self._label, self._transcript.hash, own, self._info)
        return self._transcript.seal(own + self._identity.sign(signed) + self._info)

    def _verify(self, sealed: bytes) -> tuple[bytes, NodeInfo, int]:
        before = self._transcript.hash
        plain = self._transcript.open(sealed)
        peer, signature, raw = plain[:32], plain[32:_PROOF_SIZE], plain[_PROOF_SIZE:]
        try:
            signed = _to_sign(self._peer_label, before, peer, raw)
            VerifyKey(peer).verify(signed, signature)
        except CryptoError as error:
            raise Refused(Refusal.SIGNATURE, "the signature is not valid") from error
        if peer == self._identity.public_key:
            raise Refused(
                Refusal.REFLECTION,
                "the peer has our own node key",
                hint="two nodes share one node.key (a copied state directory?); "
                "remove it on one of them",
            )
        info = read_info(raw)
        version = common_version(self._versions, info.versions)
        self._check_peer(peer, info)
        return peer, info, version


class Initiator(_Side):
    """The side that dials: `start`, then `finish` with the answer."""

    _label = b"initiator"
    _peer_label = b"responder"

    def __init__(
        self,
        identity: Signer,
        secret: bytes,
        info: bytes,
        check_peer: CheckPeer,
        *,
        kind: int = KIND_SECRET,
        hint: bytes = NO_HINT,
        prologue: bytes = b"tcp",
        ephemeral: bytes | None = None,
    ) -> None:
        super().__init__(
            identity, info, check_peer, prologue=prologue, ephemeral=ephemeral
        )
        self._secret = secret
        self._kind = kind
        self._hint = hint

    def start(self) -> bytes:
        """Return M1."""
        self._enter(_State.NEW)
        m1 = write_first(
            self._secret, self._ephemeral_public, kind=self._kind, hint=self._hint
        )
        self._transcript.mix_hash(m1)
        self._transcript.mix_key(mixed_secret(self._secret))
        self._secret = b""
        self._state = _State.AWAITS_M2
        return m1

    def finish(self, m2: bytes) -> tuple[bytes, Session]:
        """Return M3 and the session, or raise `ProtocolError`."""
        self._enter(_State.AWAITS_M2)
        _check_sealed_size(len(m2) - 32)
        peer_ephemeral = m2[:32]
        self._transcript.mix_hash(peer_ephemeral)
        self._mix_dh(peer_ephemeral)
        peer, info, version = self._verify(m2[32:])
        self._transcript.mix_key(b"m3")
        m3 = self._proof()
        forth, back, sid = self._transcript.split()
        self._state = _State.DONE
        return m3, Session(
            send_key=forth,
            receive_key=back,
            sid=sid,
            final_hash=self._transcript.hash,
            peer_key=peer,
            peer_info=info,
            version=version,
            kind=self._kind,
            hint=self._hint,
        )


class Responder(_Side):
    """The side that is dialled: `answer` M1, then `finish` with M3.

    *secrets* are one to three; *find_token* gives the secret of a join token by
    its 8-byte hint, or None; *replays* is one for all handshakes of this node.
    """

    _label = b"responder"
    _peer_label = b"initiator"

    def __init__(
        self,
        identity: Signer,
        secrets: Sequence[bytes],
        info: bytes,
        check_peer: CheckPeer,
        replays: ReplayCache,
        *,
        find_token: FindToken | None = None,
        prologue: bytes = b"tcp",
        ephemeral: bytes | None = None,
    ) -> None:
        if not 1 <= len(secrets) <= MAX_SECRETS:
            raise ValueError(f"1 to {MAX_SECRETS} secrets, not {len(secrets)}")
        super().__init__(
            identity, info, check_peer, prologue=prologue, ephemeral=ephemeral
        )
        self._secrets = tuple(secrets)
        self._replays = replays
        self._find_token = find_token
        self._kind = KIND_SECRET
        self._hint = NO_HINT
        self._secret_index = 0
        self._secret_id = ""

    def answer(self, m1: bytes, now: float) -> bytes:
        """Return M2, or raise `ProtocolError`; *now* is monotonic, in seconds."""
        self._enter(_State.NEW)
        self._kind, self._hint, peer_ephemeral = read_first(m1)
        candidates = self._candidates()
        self._secret_index = proven_secret(m1, candidates)
        if self._kind == KIND_SECRET:
            self._secret_id = secret_id(candidates[self._secret_index])
        # Only after mac1, or strangers could push real keys out of the cache.
        if not self._replays.is_new(peer_ephemeral, now):
            raise Refused(Refusal.REPLAY, "this first message was seen before")
        self._transcript.mix_hash(m1)
        self._transcript.mix_key(mixed_secret(candidates[self._secret_index]))
        self._transcript.mix_hash(self._ephemeral_public)
        self._mix_dh(peer_ephemeral)
        m2 = self._ephemeral_public + self._proof()
        self._secrets = ()
        self._state = _State.AWAITS_M3
        return m2

    def finish(self, m3: bytes) -> Session:
        """Return the session, or raise `ProtocolError`."""
        self._enter(_State.AWAITS_M3)
        _check_sealed_size(len(m3))
        self._transcript.mix_key(b"m3")
        peer, info, version = self._verify(m3)
        forth, back, sid = self._transcript.split()
        self._state = _State.DONE
        return Session(
            send_key=back,
            receive_key=forth,
            sid=sid,
            final_hash=self._transcript.hash,
            peer_key=peer,
            peer_info=info,
            version=version,
            kind=self._kind,
            hint=self._hint,
            secret_index=self._secret_index,
            secret_id=self._secret_id,
        )

    def _candidates(self) -> Sequence[bytes]:
        if self._kind == KIND_SECRET:
            return self._secrets
        token = self._find_token(self._hint) if self._find_token else None
        if token is None:
            raise Refused(Refusal.TOKEN, "no such join token")
        return (token,)


def _check_sealed_size(size: int) -> None:
    low = _PROOF_SIZE + _SEAL_SIZE
    if not low <= size <= low + MAX_INFO:
        message = f"a sealed proof has {low} to {low + MAX_INFO} bytes, not {size}"
        raise Refused(Refusal.SHAPE, message)


def _to_sign(label: bytes, so_far: bytes, identity: bytes, info: bytes) -> bytes:
    return _SIGNATURE % label + digest(so_far + identity + info, "pangea1.sig")
