"""What is said of TLS: the session, the certificate, the chain as a tree."""

from .fact import Fact, Part, Readings, fact, part

#: Days of life from which on a certificate is shown as nearly expired.
SOON = 21
#: How a stapled status looks.
TONES = {"good": "up", "revoked": "down", "invalid": "degraded", "unknown": "degraded"}


def view(readings: Readings) -> list[Part]:
    """Return the session, the certificate and its chain."""
    return [session(readings), *certificate(readings)]


def gist(readings: Readings) -> str:
    """Return version, name and days left."""
    said = [
        readings.text("tls_version"),
        readings.text("subject"),
        life(readings.number("days_left")),
    ]
    return ", ".join(one for one in said if one)


def session(readings: Readings) -> Part:
    """Return what was agreed upon."""
    said = [readings.text(name) for name in ("tls_version", "cipher", "alpn")]
    asked = readings.flag("client_cert_asked")
    if asked:
        said.append("asks for a certificate of ours")
    return part(
        fact("address", readings.text("address")),
        fact("tls", *said),
        fact("alert", readings.text("alert")),
    )


def certificate(readings: Readings) -> list[Part]:
    """Return the facts of the server's own certificate, then the chain."""
    left = readings.number("days_left")
    since, until = readings.text("not_before"), readings.text("not_after")
    own = part(
        fact("certificate", readings.text("subject")),
        fact("names", _names(readings)),
        fact("issuer", readings.text("issuer")),
        fact("valid", _validity(since, until, left), tone=tone(left)),
        fact("key", _key(readings)),
        fact("sha256", readings.text("fingerprint_sha256")),
        _ocsp(readings),
    )
    return [own, _chains(readings, until)]


def life(days: float | None) -> str:
    """Return how long a certificate still lives, in words."""
    if days is None:
        return ""
    if days < 0:
        return f"expired {_days(-days)} ago"
    return f"{_days(days)} left"


def tone(days: float | None) -> str:
    """Return the verdict whose colour a life of so many days has."""
    if days is None:
        return ""
    return "down" if days <= 0 else "degraded" if days < SOON else "up"


def date(moment: str) -> str:
    """Return the day of an RFC 3339 moment."""
    return moment.partition("T")[0]


def _days(days: float) -> str:
    if days < 2:
        return f"{days * 24:.0f} hours"
    return f"{days:.0f} days" if days < 1100 else f"{days / 365.25:.0f} years"


def _names(readings: Readings) -> str:
    names, count = readings.texts("san"), readings.number("san_count")
    if count is not None and count > len(names):
        names.append(f"… {count:.0f} in all")
    return ", ".join(names)


def _validity(since: str, until: str, left: float | None) -> str:
    span = f"{since} to {until}" if since and until else until and f"until {until}"
    return ", ".join(one for one in (span, life(left)) if one)


def _key(readings: Readings) -> str:
    key = f"{readings.text('key')} {readings.text('bits')}".strip()
    signature = readings.text("signature")
    return f"{key}, signed with {signature}" if signature else key


def _ocsp(readings: Readings) -> Fact | None:
    status = readings.text("ocsp")
    made, until = readings.text("ocsp_produced"), readings.text("ocsp_next_update")
    said = ["nothing stapled" if status == "none" else status]
    said += [made and f"produced {made}", until and f"next update {until}"]
    return fact("OCSP", *said, tone=TONES.get(status, ""))


def _chains(readings: Readings, until: str) -> Part:
    """Return the chain that was verified, else the one that was presented.

    Probes that tell of a certificate in passing tell only how long the chain is.
    *until* is the end of the certificate itself: a chain that ends otherwise says so.
    """
    sent = [_link(table) for table in readings.tables("chain")]
    verified = [_link(table) for table in readings.tables("verified_chain")]
    shown, count = verified or sent, readings.number("chain_length")
    others = [link for link in sent if link not in shown]
    lines = _tree(shown, sent if verified else shown)
    if not lines and count is not None:
        lines = (f"{count:.0f} certificate{'' if count == 1 else 's'} sent",)
    return part(
        Fact("chain", lines),
        Fact("sent too", tuple(_words(link) for link in others)),
        _end("chain ends", "chain_earliest", readings, until),
        _end("trusted until", "verified_chain", readings, until),
    )


def _end(title: str, name: str, readings: Readings, until: str) -> Fact | None:
    """Return when a chain ends, unless that is *until*."""
    ends = readings.text(f"{name}_expiry")
    left = readings.number(f"{name}_days_left")
    if not ends or ends == until:
        return None
    return fact(title, ends, life(left), tone=tone(left))


#: Subject, not after, life.
Link = tuple[str, str, str]


def _link(table: Readings) -> Link:
    left = life(table.number("days_left"))
    return table.text("subject"), table.text("not_after"), left


def _words(link: Link, more: str = "") -> str:
    subject, until, left = link
    return f"{subject} (until {date(until)}, {left}{more})"


def _tree(links: list[Link], sent: list[Link]) -> tuple[str, ...]:
    """Return each certificate below the one that it vouches for."""
    lines = []
    for depth, link in enumerate(links):
        branch = f"{' ' * 3 * (depth - 1)}└─ " if depth else ""
        lines.append(branch + _words(link, "" if link in sent else ", trusted here"))
    return tuple(lines)
