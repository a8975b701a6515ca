"""Text from targets, peers and adverts is hostile: one place makes it safe."""

import unicodedata

_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def safe_text(value: object, limit: int = 200) -> str:
    r"""Return *value* as one printable line of at most *limit* characters.

    Control, format (bidirectional, zero-width) and unassigned characters come
    out as escapes such as ``\x1b``, so neither a terminal nor a log obeys them.
    Bytes are read as UTF-8 with replacement.
    """
    if isinstance(value, (bytes, bytearray, memoryview)):
        value = bytes(value[: 4 * limit]).decode("utf-8", "replace")
    text = str(value)
    if len(text) <= limit and text.isascii() and text.isprintable():
        return text
    shown = "".join(_visible(char) for char in text[: limit + 1])
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def _visible(char: str) -> str:
    if " " <= char <= "~":
        return char
    if unicodedata.category(char) in _HIDDEN:
        code = ord(char)
        return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
    return char
