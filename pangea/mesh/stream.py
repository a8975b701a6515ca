"""Two one-way secretstreams: order, wholeness and secrecy of what is said.

XChaCha20-Poly1305 as in libsodium's ``crypto_secretstream``; a frame that was
changed, repeated, left out or swapped does not open, and neither does any after it.
"""

from dataclasses import dataclass

from nacl.bindings import (
    crypto_secretstream_xchacha20poly1305_ABYTES as _OVERHEAD,
)
from nacl.bindings import (
    crypto_secretstream_xchacha20poly1305_HEADERBYTES as HEADER_SIZE,
)
from nacl.bindings import (
    crypto_secretstream_xchacha20poly1305_init_pull as _init_pull,
)
from nacl.bindings import (
    crypto_secretstream_xchacha20poly1305_init_push as _init_push,
)
from nacl.bindings import crypto_secretstream_xchacha20poly1305_pull as _pull
from nacl.bindings import crypto_secretstream_xchacha20poly1305_push as _push
from nacl.bindings import crypto_secretstream_xchacha20poly1305_state as _State
from nacl.bindings import (
    crypto_secretstream_xchacha20poly1305_TAG_FINAL as _TAG_FINAL,
)
from nacl.bindings import (
    crypto_secretstream_xchacha20poly1305_TAG_MESSAGE as _TAG_MESSAGE,
)
from nacl.bindings import (
    crypto_secretstream_xchacha20poly1305_TAG_REKEY as _TAG_REKEY,
)
from nacl.exceptions import CryptoError

from pangea.core.errors import ProtocolError

MAX_PLAIN = 1 << 20
MAX_FRAME = MAX_PLAIN + _OVERHEAD


@dataclass(frozen=True, slots=True, kw_only=True)
class Wear:
    """What a key bears before it is changed: messages, bytes, seconds."""

    messages: int = 1 << 20
    size: int = 1 << 30
    seconds: float = 3600.0


DEFAULT_WEAR = Wear()


class Sealer:
    """The sending end. ``header`` goes first; times are monotonic seconds."""

    def __init__(self, key: bytes, now: float, wear: Wear = DEFAULT_WEAR) -> None:
        self._wear = wear
        self._state = _State()
        self.header: bytes = _init_push(self._state, key)
        self._messages = 0
        self._bytes = 0
        self._since = now
        self._finished = False

    def seal(self, plain: bytes, now: float) -> bytes:
        """Return the next frame; its key is changed now and then on the way."""
        if len(plain) > MAX_PLAIN:
            raise ProtocolError(
                f"a message of {len(plain)} bytes; a frame holds {MAX_PLAIN}"
            )
        self._messages += 1
        self._bytes += len(plain)
        if not self._is_worn(now):
            return self._push(plain, _TAG_MESSAGE)
        self._messages, self._bytes, self._since = 0, 0, now
        return self._push(plain, _TAG_REKEY)

    def finish(self) -> bytes:
        """Return the last frame; without it the session counts as cut."""
        frame = self._push(b"", _TAG_FINAL)
        self._finished = True
        return frame

    def _push(self, plain: bytes, tag: int) -> bytes:
        if self._finished:
            raise ProtocolError("nothing can be said after the last frame")
        frame: bytes = _push(self._state, plain, None, tag)
        return frame

    def _is_worn(self, now: float) -> bool:
        return (
            self._messages >= self._wear.messages
            or self._bytes >= self._wear.size
            or now - self._since >= self._wear.seconds
        )


class Opener:
    """The receiving end; ``finished`` once the peer has said its last."""

    def __init__(self, key: bytes, header: bytes) -> None:
        if len(header) != HEADER_SIZE:
            raise ProtocolError(
                f"a stream header has {HEADER_SIZE} bytes, not {len(header)}"
            )
        self._state = _State()
        _init_pull(self._state, header, key)
        self._broken = False
        self.finished = False

    def open(self, frame: bytes) -> bytes:
        """Return what was sealed, or raise `ProtocolError`; then it is over."""
        if self._broken or self.finished:
            raise ProtocolError("a frame after the end of the stream")
        self._broken = True
        if not _OVERHEAD <= len(frame) <= MAX_FRAME:
            raise ProtocolError(
                f"a frame has {_OVERHEAD} to {MAX_FRAME} bytes, not {len(frame)}"
            )
        try:
            plain, tag = _pull(self._state, frame, None)
        except CryptoError as error:
            raise ProtocolError(
                "a frame was changed, repeated, lost or out of order"
            ) from error
        self._broken = False
        self.finished = tag == _TAG_FINAL
        return bytes(plain)
