"""The options of the TLS probe."""

import re
from typing import Annotated, Literal, get_args

from msgspec import Meta, Struct

from pangea.core.errors import UsageError
from pangea.core.options import SecretText

from .connect import Family
from .starttls import Protocol
from .tls_context import Version

WHERE = "tls option"

Alert = Literal[
    "any",
    "access_denied",
    "bad_certificate",
    "bad_certificate_status_response",
    "certificate_expired",
    "certificate_required",
    "certificate_revoked",
    "certificate_unknown",
    "decode_error",
    "decrypt_error",
    "handshake_failure",
    "illegal_parameter",
    "insufficient_security",
    "internal_error",
    "missing_extension",
    "no_application_protocol",
    "no_certificate",
    "no_renegotiation",
    "protocol_version",
    "unexpected_message",
    "unknown_ca",
    "unrecognized_name",
    "unsupported_certificate",
    "unsupported_extension",
    "user_canceled",
]
_Path = Annotated[str, Meta(max_length=4096)]
_Pem = Annotated[str, Meta(max_length=65_536)]
_Regex = Annotated[str, Meta(max_length=512)]
#: as many bytes as RFC 7301 allows a protocol's name, and the hello stays small
_Name = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[!-~]+$")]
_Print = Annotated[str, Meta(pattern=r"^[0-9A-Fa-f: ]{64,127}$")]
_Days = Annotated[float, Meta(ge=0, le=3650)]


class TlsOptions(Struct, frozen=True, kw_only=True):
    """What a server's TLS must be like.

    Fewer than ``fail_days`` days of life left fail, fewer than ``warn_days``
    warn. Without ``verify`` anybody's certificate will do, but not an expired
    one. A version below ``min_version`` fails, one below 1.2 always warns; what
    is above ``max_version`` is not offered. With ``expect_alert`` the server must
    refuse us so, and nothing else is judged.
    """

    server_name: Annotated[str, Meta(max_length=253)] = ""
    starttls: Protocol = "none"
    verify: bool = True
    ca_file: _Path = ""
    min_version: Version = "1.0"
    max_version: Version = "1.3"
    expect_cipher: _Regex = ""
    alpn: Annotated[tuple[_Name, ...], Meta(max_length=8)] = ()
    warn_days: _Days = 21
    fail_days: _Days = 0
    min_key_bits: Annotated[int, Meta(ge=0, le=16384)] = 0
    expect_issuer: _Regex = ""
    expect_fingerprint: Annotated[tuple[_Print, ...], Meta(max_length=16)] = ()
    require_ocsp: bool = False
    expect_alert: Annotated[tuple[Alert, ...], Meta(max_length=8)] = ()
    client_cert: _Pem = ""
    client_key: Annotated[SecretText, Meta(max_length=65_536)] = ""
    family: Family = "any"

    def __post_init__(self) -> None:
        """Refuse what cannot go together; UsageError."""
        order = get_args(Version)
        if order.index(self.min_version) > order.index(self.max_version):
            raise UsageError(
                f"{WHERE}: min_version {self.min_version} is above "
                f"max_version {self.max_version}"
            )
        if self.client_key and not self.client_cert:
            raise UsageError(f"{WHERE}: client_key without client_cert")
        for given in self.expect_fingerprint:
            if len(fingerprint(given)) != 64:
                raise UsageError(
                    f"{WHERE}: expect_fingerprint: {given!r} is no SHA-256",
                    hint="64 hexadecimal digits, colons allowed",
                )


def fingerprint(given: str) -> str:
    """Return a fingerprint as it is compared: lower case, digits only."""
    return re.sub("[: ]", "", given).lower()
