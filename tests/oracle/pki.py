"""Two authorities and every kind of certificate that a server may show."""

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization

from tests.probes.certificate_maker import DAY, Made, make

LOCAL = ("127.0.0.1", "::1", "localhost", "site.test", "*.wild.test")


@dataclass(frozen=True)
class Shown:
    """A chain and its key, as files."""

    chain: Path
    key: Path


class Pki:
    """Makes all certificates below *place*; ``shown`` has them by name."""

    def __init__(self, place: Path) -> None:
        self._place, now = place, time.time()
        long = {"begins": now - 5 * DAY, "ends": now + 3650 * DAY}
        root = make("Oracle Root", authority=True, **long)
        other = make("Other Root", authority=True, **long)
        self._dates = {"begins": now - 5 * DAY, "ends": now + 90 * DAY}
        between = make("Oracle Intermediate", root, authority=True, **self._dates)
        soon = {"begins": now - 5 * DAY, "ends": now + 10 * DAY}
        fading = make("Fading Intermediate", root, authority=True, **soon)
        past = {"begins": now - 50 * DAY, "ends": now - 2 * DAY}
        dead = make("Dead Intermediate", root, authority=True, **past)
        future = {"begins": now + 5 * DAY, "ends": now + 50 * DAY}
        self.ca_file = self._write("ca.pem", root.pem)
        self.shown = {
            "good": self._show("good", self._leaf(root)),
            "expired": self._show("expired", self._leaf(root, **past)),
            "early": self._show("early", self._leaf(root, **future)),
            "elsewhere": self._show("elsewhere", self._leaf(root, san=("no.test",))),
            "nameless": self._show("nameless", self._leaf(root, san=())),
            "own": self._show("own", self._leaf(None)),
            "foreign": self._show("foreign", self._leaf(other)),
            "chained": self._show("chained", self._leaf(between), between),
            "gap": self._show("gap", self._leaf(between, issuer_url=True)),
            "fading": self._show("fading", self._leaf(fading), fading),
            "dead": self._show("dead", self._leaf(dead), dead),
            "rooted": self._show("rooted", self._leaf(root), root),
            "clientish": self._show("clientish", self._leaf(root, for_clients=True)),
            "sha1": self._sign_with_sha1(root),
            "small": self._show("small", self._leaf(root, rsa_bits=1024)),
            "user": self._show("user", self._leaf(root, for_clients=True, san=())),
        }

    def _leaf(self, issuer: Made | None, **how) -> Made:
        return make("Oracle Leaf", issuer, **({"san": LOCAL} | self._dates | how))

    def _show(self, name: str, leaf: Made, *others: Made) -> Shown:
        chain = b"".join(made.pem for made in (leaf, *others))
        key = self._write(f"{name}.key", _key(leaf))
        return Shown(self._write(f"{name}.pem", chain), key)

    def _sign_with_sha1(self, root: Made) -> Shown:
        """Let openssl do what cryptography refuses."""
        leaf = self._show("sha1", self._leaf(None))
        strong = self._write("strong.pem", leaf.chain.read_bytes())
        signer = self._write("root.key", _key(root))
        command = ["openssl", "x509", "-in", strong, "-sha1", "-days", "80"]
        command += ["-CA", self.ca_file, "-CAkey", signer, "-CAcreateserial"]
        command += ["-out", leaf.chain]
        subprocess.run(command, check=True, capture_output=True, timeout=20)
        return leaf

    def _write(self, name: str, data: bytes) -> Path:
        path = self._place / name
        path.write_bytes(data)
        return path


def _key(made: Made) -> bytes:
    return made.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
