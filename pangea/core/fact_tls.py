"""What is said of TLS: the session, the certificate, the chain as a tree."""

from .fact import Part, Readings, fact, part

#: Days of life from which on a certificate is shown as nearly expired.
SOON = 21


def view(readings: Readings) -> list[Part]:
    """Return the session, the certificate and its chain."""
    return [session(readings), *certificate(readings)]


def gist(readings: Readings) -> str:
    """Return version and days left."""
    said = [readings.text("tls_version"), life(readings.number("days_left"))]
    return ", ".join(one for one in said if one)


def session(readings: Readings) -> Part:
    """Return what was agreed upon."""
    said = [readings.text(name) for name in ("tls_version", "cipher")]
    return part(fact("tls", *said))


def certificate(readings: Readings) -> list[Part]:
    """Return the facts of the server's own certificate, then the chain."""
    left = readings.number("days_left")
    own = part(
        fact("certificate", readings.text("subject")),
        fact("names", *readings.texts("san")),
        fact("issuer", readings.text("issuer")),
        fact("valid until", _until(readings.text("not_after"), left), tone=tone(left)),
        fact("key", _key(readings)),
        fact("fingerprint", _fingerprint(readings)),
    )
    return [own]


def life(days: float | None) -> str:
    """Return how long a certificate still lives, in words."""
    if days is None:
        return ""
    if days < 0:
        return f"expired {-days:.0f} days ago"
    return f"{days * 24:.0f} hours left" if days < 2 else f"{days:.0f} days left"


def tone(days: float | None) -> str:
    """Return the verdict whose colour a life of so many days has."""
    if days is None:
        return ""
    return "down" if days <= 0 else "degraded" if days < SOON else "up"


def _until(moment: str, left: float | None) -> str:
    said = life(left)
    return f"{moment} ({said})" if moment and said else moment or said


def _key(readings: Readings) -> str:
    key = f"{readings.text('key')} {readings.text('bits')}".strip()
    signature = readings.text("signature")
    return f"{key}, signed with {signature}" if signature else key


def _fingerprint(readings: Readings) -> str:
    value = readings.text("fingerprint_sha256")
    return f"sha256 {value}" if value else ""
