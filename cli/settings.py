"""The layers of configuration: flags, environment, files. Only here are they read."""

import os
import socket
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from pangea.core.config import NodeConfig
from pangea.core.errors import ConfigError, UsageError
from pangea.core.layers import (
    Layer,
    Resolved,
    quoted,
    read_layer,
    table_faults,
    unflatten,
)
from pangea.core.layers import resolve as add_up
from pangea.core.public import for_public

from .session import FLAG, Session, config_files, default_state_dir

MAX_FILE = 1024 * 1024

#: environment variable → the value it sets
ENVIRONMENT = {
    "PANGEA_ROLE": "node.role",
    "PANGEA_NAME": "node.name",
    "PANGEA_REGION": "node.region",
    "PANGEA_LOCATION": "node.location",
    "PANGEA_TAG": "node.tags",
    "PANGEA_LISTEN": "server.listen",
    "PANGEA_SESSION": "server.session",
    "PANGEA_ALLOWED_HOSTS": "server.allowed_hosts",
    "PANGEA_TLS": "server.tls",
    "PANGEA_TLS_CERT": "server.tls_cert",
    "PANGEA_TLS_KEY": "server.tls_key",
    "PANGEA_TLS_PROXY": "server.tls_proxies",
    "PANGEA_PUBLIC": "server.public",
    "PANGEA_URL": "server.url",
    "PANGEA_JOIN": "mesh.join",
    "PANGEA_SECRET_FILE": "mesh.secret_file",
    "PANGEA_DISCOVERY": "mesh.discovery",
    "PANGEA_CA_FILE": "mesh.ca_file",
    "PANGEA_RELAY": "mesh.relay",
    "PANGEA_ADMISSION": "mesh.admission",
    "PANGEA_DATABASE": "storage.database",
    "PANGEA_LOG_FORMAT": "log.format",
    "PANGEA_LOG_LEVEL": "log.level",
    "PANGEA_RETENTION_RAW": "retention.raw",
    "PANGEA_RETENTION_MINUTES": "retention.minutes",
    "PANGEA_RETENTION_TEN_MINUTES": "retention.ten_minutes",
    "PANGEA_RETENTION_HOURS": "retention.hours",
    "PANGEA_RETENTION_DAYS": "retention.days",
    "PANGEA_SELF_TEST": "self_test.mode",
    "PANGEA_SELF_TEST_INTERVAL": "self_test.interval",
    "PANGEA_SELF_TEST_GATEWAY": "self_test.gateway",
    "PANGEA_SELF_TEST_RESOLVER": "self_test.resolver",
    "PANGEA_SELF_TEST_NAME": "self_test.name",
    "PANGEA_BACKUP_DIR": "backup.dir",
    "PANGEA_BACKUP_EVERY": "backup.every",
    "PANGEA_BACKUP_KEEP": "backup.keep",
    "PANGEA_BACKUP_KEY_FILE": "backup.key_file",
    "PANGEA_ALERTS_ALLOW": "alerts.allow",
    "PANGEA_ALERTS_EXEC": "alerts.exec",
    "PANGEA_ALERTS_APPRISE": "alerts.apprise",
    "PANGEA_ALERTS_PROXY": "alerts.proxy",
    "PANGEA_ALERTS_HEARTBEAT_URL": "alerts.heartbeat_url",
    "PANGEA_ALERTS_HEARTBEAT_EVERY": "alerts.heartbeat_every",
    "PANGEA_SMTP_HOST": "smtp.host",
    "PANGEA_SMTP_PORT": "smtp.port",
    "PANGEA_SMTP_TLS": "smtp.tls",
    "PANGEA_SMTP_USER": "smtp.user",
    "PANGEA_SMTP_PASSWORD": "smtp.password",
    "PANGEA_SMTP_PASSWORD_FILE": "smtp.password_file",
    "PANGEA_SMTP_SENDER": "smtp.sender",
    "PANGEA_SMTP_TLS_FINGERPRINT": "smtp.tls_fingerprint",
    "PANGEA_SMTP_NOTIFY": "smtp.notify",
    "PANGEA_NO_LOCAL_WORKER": "worker.local",
    "PANGEA_ACCOUNT_CODES": "accounts.codes",
}


def resolve(session: Session, flags: Mapping[str, Any] | None = None) -> Resolved:
    """Return the configuration of a node here, with where each value is from.

    *flags* maps dotted paths to values of the command line. Raises ConfigError,
    and UsageError for a fault of the flags.
    """
    layers = [_flags(flags or {}), *_global_layers(session)]
    layers += [*_environment(os.environ), *_files(session), _machine()]
    resolved = add_up(layers)
    _check_types(resolved.config)
    config = for_public(resolved)
    return replace(resolved, config=_with_password(_with_codes(config)))


def file_faults(path: Path) -> list[ConfigError]:
    """Return all that is wrong with one file, one error each."""
    try:
        table = read_table(path)
    except ConfigError as error:
        return [error]
    found = list(table_faults(table, str(path)))
    if not found:
        try:
            _check_types(add_up([read_layer(table, str(path))]).config)
        except ConfigError as error:
            found = [ConfigError(f"{path}: {error}", hint=error.hint)]
    return found


def read_table(path: Path) -> dict[str, Any]:
    """Return the TOML of a file; ConfigError if it cannot be read as such."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE + 1)
        if len(raw) > MAX_FILE:
            raise ConfigError(f"{path}: larger than 1 MiB")
        return tomllib.loads(raw.decode("utf-8"))
    except OSError as error:
        raise ConfigError(
            f"{path}: {(error.strerror or str(error)).lower()}"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {error}", hint="see https://toml.io") from error


def tags_of(texts: tuple[str, ...]) -> dict[str, str]:
    """Return ``K=V`` texts as a table; ConfigError for any other."""
    tags = {}
    for text in texts:
        key, sep, value = text.partition("=")
        if not sep or not key.strip():
            raise ConfigError(f"tag: wanted K=V, got {text!r}")
        tags[key.strip()] = value.strip()
    return tags


def _flags(flags: Mapping[str, Any]) -> Layer:
    """Return the command line as a layer; a fault of it is one of usage."""
    for fault in table_faults(unflatten(flags), FLAG):
        raise UsageError(str(fault), hint=fault.hint)
    return Layer(FLAG, dict(flags))


def _global_layers(session: Session) -> Iterator[Layer]:
    if session.state_dir:
        source = session.sources.get("state_dir", FLAG)
        yield Layer(source, {"storage.state_dir": session.state_dir})
    if session.ca_file:
        source = session.sources.get("ca_file", FLAG)
        yield Layer(source, {"mesh.ca_file": session.ca_file})


def _environment(environ: Mapping[str, str]) -> Iterator[Layer]:
    """Yield a layer for each variable that is set, so that it can be named."""
    for name, path in ENVIRONMENT.items():
        text = environ.get(name, "").strip()
        if text:
            yield Layer(name, _values(path, text))


def _values(path: str, text: str) -> dict[str, Any]:
    if path == "node.tags":
        tags = tags_of(tuple(text.replace(",", " ").split()))
        return {f"node.tags.{quoted(key)}": value for key, value in tags.items()}
    if path == "worker.local":
        return {path: text.lower() in ("0", "false", "no", "off")}
    if path in ("server.public", "alerts.apprise"):
        return {path: text.lower() not in ("0", "false", "no", "off")}
    if path == "accounts.codes":
        if text.startswith("@"):
            return {"accounts.codes_file": text[1:]}
        # Not by commas: a hash of argon2 has some.
        return {path: text.split()}
    return {path: text}


def _files(session: Session) -> Iterator[Layer]:
    """Yield the files that are there; one that was named must be."""
    if session.config:
        path = Path(session.config)
        yield read_layer(read_table(path), session.config)
        return
    for path in config_files():
        if path.is_file():
            yield read_layer(read_table(path), str(path))


def _machine() -> Layer:
    """Return the defaults that only this machine knows."""
    name = "".join(
        c if c.isalnum() or c in "._-" else "-" for c in socket.gethostname()
    )
    values = {"storage.state_dir": str(default_state_dir())}
    if name.isascii() and name.strip("._-"):
        values["node.name"] = name.strip("._-")[:63]
    return Layer("default", values)


def _with_codes(config: NodeConfig) -> NodeConfig:
    """Return *config* with the access codes of ``accounts.codes_file`` read."""
    path = config.accounts.codes_file
    if not path:
        return config
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read(MAX_FILE)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"accounts: cannot read the access codes in {path}: {error}"
        ) from error
    lines = [line.strip() for line in text.splitlines()]
    codes = [line for line in lines if line and not line.startswith("#")]
    accounts = replace(config.accounts, codes=(*config.accounts.codes, *codes))
    return replace(config, accounts=accounts)


def _with_password(config: NodeConfig) -> NodeConfig:
    """Return *config* with the password of ``smtp.password_file`` read."""
    smtp, path = config.smtp, config.smtp.password_file
    if smtp.password and path:
        raise ConfigError("smtp: password and password_file: give one of the two")
    if smtp.user and smtp.tls == "off":
        raise ConfigError("smtp: user: a password is not sent in the clear; use tls")
    if not path:
        return config
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read(MAX_FILE)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"smtp: cannot read the password in {path}: {error}"
        ) from error
    read = replace(smtp, password=text.rstrip("\r\n"), password_file="")
    return replace(config, smtp=read)


def _check_types(config: NodeConfig) -> None:
    """Refuse an interval for a type of probe that does not exist."""
    if not config.defaults.interval:
        return
    from pangea.probes.base import probe_class

    for name in config.defaults.interval:
        try:
            probe_class(name)
        except UsageError as error:
            raise ConfigError(
                f"defaults: interval: {error}", hint=error.hint
            ) from error
