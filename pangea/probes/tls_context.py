"""Keeps OpenSSL's contexts: what a client offers, set up once and used for ever."""

from typing import Literal, NamedTuple

from OpenSSL import SSL

from .client_certificate import Identity
from .tls_wire import keep_staple

Version = Literal["1.0", "1.1", "1.2", "1.3"]

MAX_CONTEXTS = 256
_NUMBERS = {
    "1.0": SSL.TLS1_VERSION,
    "1.1": SSL.TLS1_1_VERSION,
    "1.2": SSL.TLS1_2_VERSION,
    "1.3": SSL.TLS1_3_VERSION,
}
#: Without finite-field Diffie-Hellman, as browsers: the server chooses the prime,
#: and one of 8192 bits keeps this process busy for a quarter of a second.
_CIPHERS = b"DEFAULT:!kDHE:@SECLEVEL=0"
#: OpenSSL's flag for servers from before RFC 5746
_LEGACY_SERVER = 0x4
#: OpenSSL's post-quantum key share would make the hello two packets, which old
#: devices do not understand; with these it is 324 bytes instead of 1558
_GROUPS = b"X25519:P-256:P-384:P-521:X448"


class Offer(NamedTuple):
    """What a client says that it can do, and who it is."""

    alpn: tuple[str, ...] = ()
    max_version: Version = "1.3"
    identity: Identity | None = None


class Contexts:
    """A context for each offer; making one takes long, so they are kept."""

    def __init__(self) -> None:
        self._made: dict[tuple[object, ...], SSL.Context] = {}

    def __len__(self) -> int:
        return len(self._made)

    def get(self, offer: Offer) -> SSL.Context:
        """Return the context for *offer*. Raises ProbeError ``client_cert``."""
        mine = offer.identity.digest if offer.identity else b""
        key = (offer.alpn, offer.max_version, mine)
        if key not in self._made:
            context = _make(offer)
            if len(self._made) >= MAX_CONTEXTS:
                del self._made[next(iter(self._made))]
            self._made[key] = context
        return self._made[key]

    def clear(self) -> None:
        """Forget all."""
        self._made.clear()


def _make(offer: Offer) -> SSL.Context:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_verify(SSL.VERIFY_NONE)
    context.set_cipher_list(_CIPHERS)
    context.set_min_proto_version(SSL.TLS1_VERSION)
    context.set_max_proto_version(_NUMBERS[offer.max_version])
    context.set_options(_LEGACY_SERVER | SSL.OP_NO_TICKET)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_ocsp_client_callback(keep_staple)
    _keep_hello_small(context)
    if offer.alpn:
        context.set_alpn_protos([name.encode("ascii") for name in offer.alpn])
    if offer.identity:
        offer.identity.put_in(context)
    return context


def _keep_hello_small(context: SSL.Context) -> None:
    """Offer classic groups only; pyOpenSSL has no public call for it.

    Without, all still works.
    """
    set_groups = getattr(vars(SSL).get("_lib"), "SSL_CTX_set1_curves_list", None)
    if set_groups:
        set_groups(context._context, _GROUPS)
