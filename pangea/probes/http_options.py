"""The options of the HTTP probe."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from pangea.core.errors import UsageError
from pangea.core.options import SecretText

from .http_engine import Http2

WHERE = "http option"
MAX_SECRET = 65_536
GOOD: tuple[int | str, ...] = ("200-299",)

Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
Families = Literal["any", "ipv4", "ipv6", "both"]
_Text = Annotated[str, Meta(max_length=4096)]
_Pem = Annotated[str, Meta(max_length=65_536)]


class HttpOptions(Struct, frozen=True, kw_only=True):
    """How to ask over HTTP and what answer is wanted.

    ``expect_status`` takes codes, ranges and classes (``200-299,301,4xx``); a
    redirect whose code is named there by itself is not followed.
    ``max_body_bytes`` counts after decompression: a longer body fails if it is
    given; if it is not, only the first 1 MiB is read.
    """

    method: Method = "GET"
    headers: dict[str, str] | list[str] = field(default_factory=dict)
    body: Annotated[str, Meta(max_length=65_536)] = ""
    user: _Text = ""
    password: SecretText = ""
    token: SecretText = ""
    client_cert: _Pem = ""
    client_key: SecretText = ""
    expect_status: list[int | str] | int = field(default_factory=lambda: [*GOOD])
    expect_headers: list[str] = field(default_factory=list)
    body_contains: _Text = ""
    body_not_contains: _Text = ""
    body_regex: _Text = ""
    body_not_regex: _Text = ""
    json: list[str] = field(default_factory=list)
    max_age_s: Annotated[float, Meta(ge=0)] | None = None
    follow_redirects: bool = True
    max_redirects: Annotated[int, Meta(ge=0, le=20)] = 5
    max_body_bytes: Annotated[int, Meta(ge=1, le=64 * 2**20)] | None = None
    warn_latency_ms: Annotated[float, Meta(gt=0)] | None = None
    tls_required: bool = False
    plain_required: bool = False
    http2: Http2 = "off"
    verify: bool = True
    ca_file: _Text = ""
    server_name: _Text = ""
    family: Families = "any"
    resolver: _Text = ""
    proxy: _Text = ""
    proxy_user: _Text = ""
    proxy_password: SecretText = ""
    proxy_tunnel: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot go together; UsageError."""
        for one, other in (
            ("token", "user"),
            ("tls_required", "plain_required"),
            ("plain_required", "client_cert"),
        ):
            if getattr(self, one) and getattr(self, other):
                raise UsageError(f"{WHERE}: {one} and {other} exclude each other")
        for one, needed in (
            ("password", "user"),
            ("proxy_user", "proxy"),
            ("proxy_password", "proxy_user"),
            ("proxy_tunnel", "proxy"),
            ("client_key", "client_cert"),
        ):
            if getattr(self, one) and not getattr(self, needed):
                raise UsageError(f"{WHERE}: {one} is given without {needed}")
        for one in ("password", "token", "proxy_password", "client_key"):
            if len(getattr(self, one)) > MAX_SECRET:
                raise UsageError(f"{WHERE}: {one} is longer than {MAX_SECRET}")
