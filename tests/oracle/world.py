"""All servers of the scenarios, and the words by which scenarios name them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.oracle import odd_http, proxy
from tests.oracle.nginx import nginx
from tests.oracle.odd_dns import name_servers
from tests.oracle.odd_tcp import (
    FTP,
    IMAP,
    POP3,
    SMTP,
    SMTP_PLAIN,
    parrot,
    says,
    talks,
    tls_context,
)
from tests.oracle.pki import Pki
from tests.oracle.s_server import s_servers
from tests.oracle.stage import Stage
from tests.oracle.unbound import unbound
from tests.ports import free_ports


@contextmanager
def world(place: Path) -> Iterator[dict[str, object]]:
    """Run everything below *place* and yield the words of ``fill``."""
    folders = {name: place / name for name in ("pki", "nginx", "unbound")}
    for folder in folders.values():
        folder.mkdir()
    pki = Pki(folders["pki"])
    user = pki.shown["user"]
    words: dict[str, object] = {
        "closed": free_ports(1)[0],
        "ca": pki.ca_file,
        "user_cert": user.chain,
        "user_key": user.key,
        "other_cert": pki.shown["foreign"].chain,
        "other_key": pki.shown["foreign"].key,
    }
    with Stage() as stage:
        shown = {name: tls_context(pki.shown[name]) for name in ("foreign", "expired")}
        words |= _own(stage, pki) | name_servers(stage, shown)
        with (
            nginx(folders["nginx"], pki) as web,
            unbound(folders["unbound"], pki, int(str(words["closed"]))) as names,
            s_servers(pki) as tls,
        ):
            yield words | web | names | tls


def _own(stage: Stage, pki: Pki) -> dict[str, int]:
    good = tls_context(pki.shown["good"])
    expired = tls_context(pki.shown["expired"])
    return {
        "odd": stage.tcp(odd_http.serve),
        "odd_tls": stage.tcp(odd_http.serve, good),
        "reset": stage.tcp(odd_http.reset_at_once),
        "reset_hello": stage.tcp(odd_http.reset_at_hello),
        "hang_up": stage.tcp(odd_http.close_at_hello),
        "silent": stage.tcp(odd_http.silent),
        "ssh": stage.tcp(says(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")),
        "greeting": stage.tcp(says(b"220 ready\r\n", b"more\r\n")),
        "pieces": stage.tcp(says(b"22", b"0 re", b"ady\r\n", pause_s=0.05)),
        "prompt": stage.tcp(says(b"login: ")),
        "binary": stage.tcp(says(b"\x00\x01\xff\xfe\x1b[2J\r\n")),
        "parrot": stage.tcp(parrot),
        "parrot_tls": stage.tcp(parrot, good),
        "smtp": stage.tcp(talks("220 mail.test ESMTP", SMTP, good)),
        "smtp_expired": stage.tcp(talks("220 mail.test ESMTP", SMTP, expired)),
        "smtp_plain": stage.tcp(talks("220 mail.test ESMTP", SMTP_PLAIN, None)),
        "imap": stage.tcp(talks("* OK hello", IMAP, good)),
        "pop3": stage.tcp(talks("+OK hello", POP3, good)),
        "ftp": stage.tcp(talks("220 hello", FTP, good)),
        "proxy": stage.tcp(proxy.serve),
        "proxy_refusing": stage.tcp(proxy.refuse),
    }
