"""The configuration: its shape and its defaults; `layers` adds it up."""

import re
from ipaddress import ip_address, ip_network
from typing import Literal

from msgspec import Struct, field

from .alerts_table import AlertsTable, SmtpTable
from .database_url import check_postgres, is_postgres
from .durations import Seconds
from .retention_table import RetentionTable

#: P-I-N-G on the keys of a telephone.
DEFAULT_PORT = 7464
LISTEN_OFF = "off"  #: given for ``listen``: a worker that nobody may dial

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
#: A name in the DNS, the root included.
_HOST_NAME = re.compile(r"\.|(?:[A-Za-z0-9_-]{1,63}\.){0,9}[A-Za-z0-9_-]{1,63}\.?")

Role = Literal["coordinator", "worker"]
Discovery = Literal["mdns", "dns", "static"]
Tls = Literal["", "auto", "off"]
Admission = Literal["secret", "approve"]
SelfTestMode = Literal["auto", "off"]
LogFormat = Literal["console", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]


class NodeTable(Struct, frozen=True, kw_only=True):
    """``[node]``: who this process is and where it stands.

    ``location`` is latitude and longitude in degrees; an empty ``name`` is the
    name of the machine.
    """

    role: Role = "coordinator"
    name: str = ""
    region: str = ""
    location: tuple[float, float] | None = None
    tags: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.name and not _NAME.fullmatch(self.name):
            raise ValueError(
                f"name: {self.name!r} is not up to 63 of A-Z a-z 0-9 . _ -"
            )
        if len(self.region) > 63:
            raise ValueError("region: longer than 63 characters")
        if self.location and not _on_earth(*self.location):
            raise ValueError(
                f"location: {self.location[0]:g},{self.location[1]:g} is not "
                "LAT,LON within 90 and 180 degrees"
            )


class ServerTable(Struct, frozen=True, kw_only=True):
    """``[server]``: the one port for dashboard, API and mesh.

    An empty ``listen`` is port 7464 on all addresses, or, for a worker where
    that is taken, any free port; ``off`` is for a worker that nobody may dial.
    ``session`` is how long a login lasts; ``allowed_hosts`` are further names that the
    dashboard is reached by.

    ``tls_cert`` and ``tls_key`` are files in PEM; ``tls`` ``auto`` does with a
    certificate of our own where none is given. ``tls_proxies`` are addresses and
    networks of the proxies that speak TLS in front of us, and that alone are
    believed who asks. ``public`` is for a port that strangers reach. ``url`` is
    where others reach us, if that is not at an address of this machine.
    """

    listen: str = ""
    session: Seconds = Seconds(7 * 86400)
    allowed_hosts: tuple[str, ...] = ()
    tls: Tls = ""
    tls_cert: str = ""
    tls_key: str = ""
    tls_proxies: tuple[str, ...] = ()
    public: bool = False
    url: str = ""

    def __post_init__(self) -> None:
        if self.listen and self.listen != LISTEN_OFF:
            parse_listen(self.listen)
        if self.session < 60:
            raise ValueError("session: wanted at least 1m")
        if bool(self.tls_cert) != bool(self.tls_key):
            raise ValueError("tls_cert and tls_key: wanted both files or neither")
        if self.tls == "off" and self.tls_cert:
            raise ValueError("tls: is off, but there is a tls_cert: leave one out")
        if self.url:
            _check_url(self.url)
        for proxy in self.tls_proxies:
            try:
                ip_network(proxy, strict=False)
            except ValueError:
                raise ValueError(
                    f"tls_proxies: {proxy!r} is no address and no network"
                ) from None

    @property
    def speaks_tls(self) -> bool:
        """Whether TLS is spoken on the port itself."""
        return self.tls == "auto" or bool(self.tls_cert)


class MeshTable(Struct, frozen=True, kw_only=True):
    """``[mesh]``: how nodes find each other and prove that they belong.

    ``join`` are addresses of coordinators, ``secret_file`` holds the cluster
    secret ("" : the one in the state directory); ``dns_domain`` is where SRV records
    are looked up ("": the machine's search domains). With ``ca_file`` (PEM, or
    ``system``) a worker also verifies the certificate of whom it joins by TLS.
    ``admission`` is how a coordinator lets new workers in that have no token: who
    proves the secret, or whom a person approves. With ``relay`` a worker carries
    circuits of peers that do not reach the coordinator.
    """

    join: tuple[str, ...] = ()
    secret_file: str = ""
    discovery: tuple[Discovery, ...] = ("mdns", "dns", "static")
    dns_domain: str = ""
    ca_file: str = ""
    admission: Admission = "secret"
    relay: bool = True


class StorageTable(Struct, frozen=True, kw_only=True):
    """``[storage]``: the state directory and the database.

    ``database`` is a path, ``sqlite:///PATH`` or the URL ``postgresql://…``; empty
    means ``pangea.db`` in the state directory. An empty ``state_dir`` is the system's
    usual place.
    """

    state_dir: str = ""
    database: str = ""

    def __post_init__(self) -> None:
        scheme, sep, path = self.database.partition("://")
        if is_postgres(self.database):
            try:
                check_postgres(self.database)
            except ValueError as error:
                raise ValueError(f"database: {error}") from None
        elif sep and (scheme != "sqlite" or not path.strip("/")):
            raise ValueError(
                f"database: {scheme}:// is not known: wanted a path, sqlite:///PATH or"
                " postgresql://…"
            )


class LogTable(Struct, frozen=True, kw_only=True):
    """``[log]``: how much is told, and in which form."""

    format: LogFormat = "console"
    level: LogLevel = "info"


class DefaultsTable(Struct, frozen=True, kw_only=True):
    """``[defaults]``: for jobs that do not say it themselves.

    ``interval`` is per probe type; a type that is not named has its own.
    """

    interval: dict[str, Seconds] = field(default_factory=dict)
    timeout: Seconds = Seconds(10)

    def __post_init__(self) -> None:
        given = {f"interval.{name}": value for name, value in self.interval.items()}
        for name, value in {**given, "timeout": self.timeout}.items():
            if value < 0.1:
                raise ValueError(f"{name}: wanted at least 100ms")


class AccountsTable(Struct, frozen=True, kw_only=True):
    """``[accounts]``: access codes that stand in the configuration.

    ``codes_file`` holds one a line; they add to ``codes``.
    """

    codes: tuple[str, ...] = ()
    codes_file: str = ""


class WorkerTable(Struct, frozen=True, kw_only=True):
    """``[worker]``: whether a coordinator runs a worker of its own."""

    local: bool = True


class SelfTestTable(Struct, frozen=True, kw_only=True):
    """``[self_test]``: how a worker finds out that it is unwell itself.

    Every ``interval`` it pings its ``gateway`` ("": that of the default route) and
    asks its ``resolver`` ("": the system's first) who serves ``name``. With ``mode``
    ``off`` it sends nothing, and takes itself for well.
    """

    mode: SelfTestMode = "auto"
    interval: Seconds = Seconds(5)
    gateway: str = ""
    resolver: str = ""
    name: str = "."

    def __post_init__(self) -> None:
        if not 1 <= self.interval <= 60:
            raise ValueError("interval: wanted 1s to 1m")
        for key, address in (("gateway", self.gateway), ("resolver", self.resolver)):
            try:
                ip_address(address or "::")
            except ValueError:
                raise ValueError(f"{key}: {address!r} is no address") from None
        if not _HOST_NAME.fullmatch(self.name):
            raise ValueError(f"name: {self.name!r} is no name")


class BackupTable(Struct, frozen=True, kw_only=True):
    """``[backup]``: backups that a coordinator makes by itself.

    One ``every`` so often into ``dir`` ("": none), sealed with the key in
    ``key_file``; the newest ``keep`` stay.
    """

    dir: str = ""
    every: Seconds = Seconds(86400)
    keep: int = 7
    key_file: str = ""

    def __post_init__(self) -> None:
        if self.every < 60:
            raise ValueError("every: wanted at least 1m")
        if not 1 <= self.keep <= 1000:
            raise ValueError("keep: wanted 1 to 1000")


class NodeConfig(Struct, frozen=True, kw_only=True):
    """Everything that a node is told before it starts."""

    node: NodeTable = NodeTable()
    server: ServerTable = ServerTable()
    mesh: MeshTable = MeshTable()
    storage: StorageTable = StorageTable()
    log: LogTable = LogTable()
    defaults: DefaultsTable = DefaultsTable()
    accounts: AccountsTable = AccountsTable()
    worker: WorkerTable = WorkerTable()
    self_test: SelfTestTable = SelfTestTable()
    retention: RetentionTable = RetentionTable()
    backup: BackupTable = BackupTable()
    alerts: AlertsTable = AlertsTable()
    smtp: SmtpTable = SmtpTable()

    def __post_init__(self) -> None:
        if self.server.listen == LISTEN_OFF and self.node.role == "coordinator":
            raise ValueError("server.listen: a coordinator must listen somewhere")

    @property
    def listen(self) -> tuple[str, int]:
        """The host and port to listen on; see also ``listen_given``."""
        return parse_listen(self.server.listen or f"0.0.0.0:{DEFAULT_PORT}")

    @property
    def listen_given(self) -> bool:
        """Whether somebody asked for this address, so that no other will do."""
        return bool(self.server.listen)

    @property
    def database(self) -> str:
        """The path of the SQLite database, or the URL of another.

        A URL may hold a password: people are shown ``without_password``.
        """
        path = self.storage.database.removeprefix("sqlite://")
        if path != self.storage.database:
            # As everywhere: three slashes are relative, four are absolute.
            path = path.removeprefix("/")
        return path or f"{self.storage.state_dir.rstrip('/')}/pangea.db"

    @property
    def account_codes(self) -> tuple[str, ...]:
        """The access codes given by environment or file."""
        return self.accounts.codes


def parse_listen(text: str) -> tuple[str, int]:
    """Return host and port of ``HOST:PORT``, ``[V6]:PORT`` or ``:PORT``.

    Raises ValueError, as a struct's own rule does.
    """
    host, colon, port = text.rpartition(":")
    if not colon:
        port = ""
    elif host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        host = ""  # an IPv6 address without brackets: ambiguous
        port = ""
    if not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65535 or " " in host:
        raise ValueError(f"listen: wanted HOST:PORT or [V6]:PORT, got {text!r}")
    return host or "0.0.0.0", int(port)


def _check_url(text: str) -> None:
    """Raise ValueError unless *text* says only scheme, host and perhaps a port."""
    if not re.fullmatch(
        r"https?://(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?/?", text
    ):
        raise ValueError(f"url: wanted https://HOST or https://HOST:PORT, got {text!r}")


def _on_earth(latitude: float, longitude: float) -> bool:
    return -90 <= latitude <= 90 and -180 <= longitude <= 180
