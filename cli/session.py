"""What the global options say: which coordinator, whose token, which form."""

import ipaddress
import os
import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pangea.core.errors import ConfigError, UsageError
from pangea.core.text import safe_text

if TYPE_CHECKING:
    from .client import Client
    from .trust import Trust

DEFAULT_SERVER = "http://127.0.0.1:7464"
TOKEN_NAME = "admin.token"
URL_NAME = "url"
MAX_TOKEN = 4096
FLAG = "command line"
#: The options that say which coordinator is meant, and how it is spoken to.
WHICH = ("config", "state_dir", "server", "token_file", "ca_file", "tls_fingerprint")
#: Those that mean a node of this machine; and the commands that are one.
HERE, STARTS = ("config", "state_dir"), ("run",)
#: A command in what is told; and what stays as it is.
PROGRAM = re.compile(r"\bpangea ([a-z]+)\b")
ELSEWHERE = re.compile(r"on the coordinator|--role worker|--help\b")
#: Characters of a line of what is told beside the data.
MOST_LINE = 2000


@dataclass
class Session:
    """The global options of one command, as flags or environment gave them."""

    server: str = ""
    token_file: str = ""
    ca_file: str = ""
    tls_fingerprint: str = ""
    state_dir: str = ""
    config: str = ""
    output: str = ""
    quiet: bool = False
    verbose: bool = False
    no_color: bool = False
    debug: bool = False
    #: option → FLAG, or the environment variable that set it
    sources: dict[str, str] = field(default_factory=dict)

    @property
    def form(self) -> str:
        """The form of the output; ``-q`` alone means names."""
        return self.output or ("name" if self.quiet else "table")

    def client(self) -> "Client":
        """Return the way to the coordinator; nothing is sent yet."""
        from .client import Client

        token, looked = self.token()
        return Client(
            self.url, token, looked=looked, trust=self.trust(), say=self.detail
        )

    def trust(self) -> "Trust":
        """Return which certificate of the coordinator is right.

        Without an option it is the one that the coordinator of this machine has
        written down, else one that this system's authorities vouch for.
        """
        from .trust import Trust, digits_of, read_fingerprint

        given = self.tls_fingerprint and read_fingerprint(self.tls_fingerprint)
        if given or self.ca_file or not self.url.startswith("https:"):
            return Trust(self.ca_file, given)
        url, noted = _first_lines(self.state_path(URL_NAME) / URL_NAME)
        if self.server and not _same_port(self.server, url):
            return Trust()
        return Trust("", digits_of(noted), noted=True)

    @property
    def url(self) -> str:
        """The coordinator to talk to: as named, or the one of this machine.

        A coordinator writes down in its state directory where it listens.
        """
        if self.server:
            return self.server
        noted, _ = _first_lines(self.state_path(URL_NAME) / URL_NAME)
        return noted if _is_url(noted) else DEFAULT_SERVER

    def again(self, text: str) -> str:
        """Return *text* with the options that said which coordinator at its commands.

        What the environment and files say holds for them anyway; and what is for
        another machine, or only asks for help, stays as it is.
        """
        return text if ELSEWHERE.search(text) else PROGRAM.sub(self._named, text)

    def _named(self, found: re.Match[str]) -> str:
        """Return the beginning of a command, with the options that it needs."""
        from .main import COMMANDS

        if found[1] not in COMMANDS:
            return found[0]
        which = HERE if found[1] in STARTS else WHICH
        said = [n for n in which if self.sources.get(n) == FLAG and getattr(self, n)]
        named = [
            f"--{name.replace('_', '-')} {shlex.quote(getattr(self, name))}"
            for name in said
        ]
        return " ".join(["pangea", *named, found[1]])

    def note(self, text: str) -> None:
        """Tell the person something beside the data; ``-q`` silences it.

        Commands in it lead to the coordinator that is meant.
        """
        if not self.quiet:
            print(_harmless(self.again(text)), file=sys.stderr)

    def detail(self, text: str) -> None:
        """Tell what only ``-v`` wants to know."""
        if self.verbose:
            print(_harmless(text), file=sys.stderr)

    def state_path(self, marker: str) -> Path:
        """Return the state directory of the coordinator on this machine.

        One that is named (flag, environment, configuration) is taken as it is;
        else the system's place or ``./.pangea``, whichever holds *marker*.
        """
        named = self.state_dir or self._configured_state_dir()
        if named:
            return Path(named)
        places = [default_state_dir(), Path(".pangea")]
        return next((p for p in places if _exists(p / marker)), places[0])

    def _configured_state_dir(self) -> str:
        if not self.config and not any(path.is_file() for path in config_files()):
            return ""
        from .settings import resolve

        return resolve(self).config.storage.state_dir

    def token(self) -> tuple[str, str]:
        """Return the token ("" if there is none) and where it was looked for."""
        given = os.environ.get("PANGEA_TOKEN", "").strip()
        is_flag = self.sources.get("token_file") == FLAG
        if self.token_file and (is_flag or not given):
            return _read_token(Path(self.token_file)), self.token_file
        if given:
            return _proper(given, "PANGEA_TOKEN"), "PANGEA_TOKEN"
        if self.server and not is_loopback(self.server):
            # The token of this machine is nobody else's business.
            return "", "no --token-file, PANGEA_TOKEN or PANGEA_TOKEN_FILE"
        path = self.state_path(TOKEN_NAME) / TOKEN_NAME
        return (_read_token(path) if _exists(path) else ""), str(path)


def default_state_dir() -> Path:
    """Return where state lies when nobody says otherwise."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/lib/pangea")
    import platformdirs

    return Path(platformdirs.user_state_dir("pangea"))


def config_files() -> Iterator[Path]:
    """Yield the places of ``pangea.toml``, the strongest first."""
    import platformdirs

    yield Path("pangea.toml")
    yield Path(platformdirs.user_config_dir("pangea")) / "pangea.toml"
    yield Path("/etc/pangea/pangea.toml")


def is_loopback(server: str) -> bool:
    """Return whether the URL *server* is on this machine."""
    try:
        host = urlsplit(server).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_url(text: str) -> bool:
    """Return whether a line names a server; a damaged file does not."""
    if any(char <= " " or char > "~" for char in text):
        return False
    try:
        url = urlsplit(text)
        return url.scheme in ("http", "https") and bool(url.hostname and url.port != 0)
    except ValueError:
        return False


def _same_port(one: str, other: str) -> bool:
    """Tell whether both URLs mean the same port of this machine."""
    ours = is_loopback(one) and _is_url(other)
    return ours and urlsplit(one).port == urlsplit(other).port


def _first_lines(path: Path) -> tuple[str, str]:
    """Return two lines of a small file, "" for each that is not there whole."""
    try:
        with path.open() as file:
            lines = [file.readline(300) for _ in range(2)]
    except (OSError, UnicodeDecodeError):
        return "", ""
    first, second = (line.strip() if line.endswith("\n") else "" for line in lines)
    return first, second


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        # A directory of somebody else: there, but not for us.
        return False


def _read_token(path: Path) -> str:
    try:
        with path.open("rb") as file:
            text = file.read(MAX_TOKEN + 1)
    except PermissionError as error:
        raise ConfigError(
            f"cannot read the token in {path}: {error.strerror}",
            hint="run it as the user of the coordinator, or give --token-file",
        ) from error
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    return _proper(text.decode("utf-8", "replace").strip(), str(path))


def _proper(token: str, where: str) -> str:
    """Return *token* if it can be said in a header."""
    if not token.isascii() or not token.isprintable() or len(token) > MAX_TOKEN:
        raise UsageError(f"{where} does not hold a token")
    return token


def _harmless(text: str) -> str:
    """Return lines as they are, without what commands a terminal."""
    return "\n".join(safe_text(line, MOST_LINE) for line in text.split("\n"))
