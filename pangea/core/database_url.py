"""The URL of a database: whether it is one, and how it is shown to people."""

from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

SCHEMES = ("postgresql", "postgres")
#: Parameters of libpq that are secret.
_SECRET = ("password", "sslpassword")


def is_postgres(place: str) -> bool:
    """Return whether that is the URL of a PostgreSQL server."""
    scheme, mark, _ = place.partition("://")
    return bool(mark) and scheme in SCHEMES


def check_postgres(url: str) -> None:
    """Raise ValueError, which never holds a piece of a password, for a bad URL."""
    rest = url.partition("://")[2]
    authority = rest.partition("/")[0].partition("?")[0]
    if "@" in rest[len(authority) :] or "#" in rest:
        raise ValueError("write / ? # and @ in a user or password as %2F %3F %23 %40")
    if authority.count("@") > 1:
        raise ValueError("write @ in a user or password as %40")
    if any(c.isspace() or ord(c) < 32 for c in url):
        raise ValueError("there is a space in it: write it as %20")


def without_password(place: str) -> str:
    """Return a place as people may see it: a URL without what is secret in it."""
    if not is_postgres(place):
        return place
    try:
        parts = urlsplit(place)
        login, at, host = parts.netloc.rpartition("@")
        user = login.partition(":")[0]
        given = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        return "postgresql://…"
    open_ = [(k, v) for k, v in given if k not in _SECRET]
    told = urlencode(open_, safe="/", quote_via=quote)
    query = f"?{told}" if told else ""
    return f"{parts.scheme}://{user}{at}{host}{parts.path}{query}"


def passwords(place: str) -> list[str]:
    """Return what is secret in a URL, as it stands there and as it is meant."""
    if not is_postgres(place):
        return []
    try:
        parts = urlsplit(place)
        given = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        return []
    written = parts.netloc.rpartition("@")[0].partition(":")[2]
    found = [written, unquote(written), *(v for k, v in given if k in _SECRET)]
    return sorted({one for one in found if one}, key=len, reverse=True)
