"""openssl s_server, for what no careful server would do."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.oracle.child import child, line_from
from tests.oracle.pki import Pki

_OLD = ("-cipher", "DEFAULT:@SECLEVEL=0")
_ASKING = ("-Verify", "1", "-verify_return_error", "-CAfile", "{ca}")
#: a server's name → the certificate it shows, and how
SERVERS = {
    "old10": ("good", "-tls1", *_OLD),
    "old11": ("good", "-tls1_1", *_OLD),
    "s_tls12": ("good", "-tls1_2"),
    "s_tls13": ("good", "-tls1_3"),
    "s_mtls12": ("good", "-tls1_2", *_ASKING),
    "s_mtls13": ("good", "-tls1_3", *_ASKING),
    "s_sha1": ("sha1", *_OLD),
    "s_small": ("small", *_OLD),
}


@contextmanager
def s_servers(pki: Pki) -> Iterator[dict[str, int]]:
    """Run one s_server each, that answers HTTP with a page; yield their ports."""
    with ExitStack() as stack:
        processes = {
            name: stack.enter_context(_one(pki, *how)) for name, how in SERVERS.items()
        }
        yield {
            name: int(line_from(process.stdout, r"ACCEPT \S+?:(\d+)\n")[1])
            for name, process in processes.items()
        }


def _one(pki: Pki, shown: str, *how: str):
    show = pki.shown[shown]
    files = ["-cert_chain", show.chain, "-cert", show.chain, "-key", show.key]
    options = [text.replace("{ca}", str(pki.ca_file)) for text in how]
    command = [
        "openssl",
        "s_server",
        "-accept",
        "127.0.0.1:0",
        "-www",
        *map(str, files),
    ]
    return child([*command, *options], stdout=subprocess.PIPE)
