"""The bodies of a chunk's results: reason, detail, phases and readings, by field.

What a row has of fields is its shape; there are few, and they come in runs. Each
field has a column, of numbers or of places in the list of words. Names and words
are deflated, with those that recur known beforehand.
"""

import zlib
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Raw

from .columns import Cursor, damaged, pack, pack_runs, unpack, unpack_runs, varint

_MOST_FIELDS = 1 << 16
_MOST_TEXT = 1 << 28
#: What a field holds: thousandths, whole numbers, thousandths, or words.
_PHASE, _WHOLE, _FRACTION, _READING, _REASON, _DETAIL, _ODD_PHASE = range(7)
_NUMBERS = frozenset((_PHASE, _WHOLE, _FRACTION))
_PLACES = {_PHASE: 0, _WHOLE: 1}
_PARTS = 1000
_MOST = 1 << 60
#: Never to be changed but with the version of chunks: fields that come together, and
#: words that recur; the most likely last.
_USUAL_FIELDS = (
    "0answer 3address 2offset_ms 1stratum 3reference_id 2root_delay_ms"
    " 2root_dispersion_ms 2precision_ms 1leap",
    "0query 3question 3resolver 3transport 3rcode 3answers 1ttl_min 1size"
    " 3authoritative",
    "0resolve 0connect 0wait 0tls 0first_byte 0transfer 3address 3tls_version"
    " 3cipher 3subject 3issuer 3not_after 2days_left 3not_before 3san 1san_count 3key"
    " 1bits 3signature 3fingerprint_sha256 1chain_length 3chain_earliest_expiry"
    " 2chain_earliest_days_left 3verified_chain_expiry 2verified_chain_days_left"
    " 3chain 3verified_chain 3alpn 3ocsp 1status 3http_version 1bytes 3final_url"
    " 1redirects",
    "0rtt 3address 1sent 1received 2loss_pct 2rtt_min_ms 2rtt_avg_ms 2rtt_max_ms"
    " 2rtt_p50_ms 2rtt_p95_ms 2jitter_ms 3rtts_ms 1duplicates 1reordered 1corrupted"
    " 1reply_ttl",
)
_USUAL_WORDS = (
    b"\xa8sha1\xa9rsa\xa6sha384RSA\xa2EC\xa3RSA\xb7sha256WithRSAEncryption"
    b"\xb1ecdsa-with-SHA384\xb1ecdsa-with-SHA256CN=R11,O=Let's Encrypt,C=US"
    b"\xb8TLS_CHACHA20_POLY1305_SHA256\xb6TLS_AES_128_GCM_SHA256"
    b"\xb6TLS_AES_256_GCM_SHA384\xa7TLSv1.2\xa7TLSv1.3\xa4none\xa2h2\xa8http/1.1"
    b"\xb4202026-01-01T00:00:00Z\xa3udp\xa7NOERROR\xc0\xc2\xc3\xa31.1https://www."
)


def _usual() -> bytes:
    fields = (field for line in _USUAL_FIELDS for field in line.split())
    names = (bytes([int(field[0])]) + field[1:].encode() for field in fields)
    listed = b"".join(varint(len(name)) + name for name in names)
    return _USUAL_WORDS + listed


#: Which kind of field, and its name.
Field = tuple[int, str]
Value = int | bytes
Body = tuple[str, str, dict[str, Any], dict[str, Any]]
#: Phases and readings of a result, of these only whole numbers.
Numbers = tuple[dict[str, float], dict[str, int]]

_USUAL = _usual()
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Body).decode


def pack_bodies(
    bodies: Sequence[bytes | None], told: Sequence[bool], took: Sequence[int]
) -> bytes:
    """Return bodies packed; of those not *told* no words that occur but once.

    *took* is a column that a field may be the same as.
    """
    table = [dict(_fields(body)) if body else {} for body in bodies]
    _leave_out(table, told)
    columns: dict[Field, list[Value]] = {}
    for fields in table:
        for field, value in fields.items():
            columns.setdefault(field, []).append(value)
    words = _numbered(
        word
        for (kind, _), column in columns.items()
        if kind not in _NUMBERS
        for word in column
    )
    shapes = _numbered(tuple(fields) for fields in table)
    place = _numbered(columns)
    out = [_deflated(_named(columns, words)), varint(len(shapes))]
    for shape in shapes:
        out += [varint(len(shape)), *(varint(place[field]) for field in shape)]
    out.append(pack_runs([shapes[tuple(fields)] for fields in table]))
    numbers = [
        column if kind in _NUMBERS else [words[word] for word in column]
        for (kind, _), column in columns.items()
    ]
    return b"".join(out) + _pack_columns(numbers, took)


def unpack_bodies(cursor: Cursor, took: Sequence[int]) -> list[bytes | None]:
    """Return the bodies that *cursor* stands at, one for each of *took*.

    Raises StorageError for what ``pack_bodies`` cannot have made.
    """
    fields, turns, columns, words = _opened(cursor, took)
    readers = [
        iter(_values(kind, column, words))
        for (kind, _), column in zip(fields, columns, strict=True)
    ]
    return [_packed([(fields[n], next(readers[n])) for n in shape]) for shape in turns]


def unpack_numbers(
    cursor: Cursor, took: Sequence[int], wanted: Container[str]
) -> list[Numbers]:
    """Return the phases, and the whole numbers among the readings *wanted*.

    That is much quicker than to read the bodies whole.
    """
    fields, turns, columns, words = _opened(cursor, took)
    found: list[Numbers] = [({}, {}) for _ in took]
    readers: list[tuple[int, str, Iterator[Any]] | None] = [
        (_PLACES[kind], name, iter(_values(kind, column, words)))
        if kind == _PHASE or (kind == _WHOLE and name in wanted)
        else None
        for (kind, name), column in zip(fields, columns, strict=True)
    ]
    for numbers, shape in zip(found, turns, strict=True):
        for n in shape:
            if reader := readers[n]:
                place, name, values = reader
                numbers[place][name] = next(values)
    return found


def _opened(
    cursor: Cursor, took: Sequence[int]
) -> tuple[list[Field], list[list[int]], list[Sequence[int]], list[Raw]]:
    """Return the fields, which of them each row has, their columns, and the words."""
    fields, words = _read_named(Cursor(_inflated(cursor)))
    shapes = [_read_shape(cursor, len(fields)) for _ in range(cursor.count(len(took)))]
    try:
        turns = [shapes[n] for n in unpack_runs(cursor, len(took))]
    except IndexError:
        raise damaged("there is no such shape") from None
    lengths = [0] * len(fields)
    for shape in turns:
        for n in shape:
            lengths[n] += 1
    return fields, turns, _unpack_columns(cursor, lengths, took), words


def _fields(body: bytes) -> Iterator[tuple[Field, Value]]:
    try:
        reason, detail, phases, readings = _decode(body)
    except msgspec.MsgspecError:
        return  # the disk damaged it: what is left is kept
    if reason:
        yield (_REASON, ""), _encode(reason)
    if detail:
        yield (_DETAIL, ""), _encode(detail)
    for name, ms in phases.items():
        if isinstance(ms, float) and abs(ms) < _MOST / _PARTS:
            yield (_PHASE, name), round(ms * _PARTS)
        else:
            yield (_ODD_PHASE, name), _encode(ms)
    for name, value in readings.items():
        yield _reading(name, value)


def _reading(name: str, value: Any) -> tuple[Field, Value]:
    # A bool is an int, too, and would come back as one.
    if type(value) is int and abs(value) < _MOST:
        return (_WHOLE, name), value
    if type(value) is float and abs(value) < _MOST / _PARTS:
        return (_FRACTION, name), round(value * _PARTS)
    return (_READING, name), _encode(value)


def _leave_out(table: Sequence[dict[Field, Value]], told: Sequence[bool]) -> None:
    often = Counter(
        item
        for fields in table
        for item in fields.items()
        if item[0][0] not in _NUMBERS
    )
    for fields, is_told in zip(table, told, strict=True):
        if not is_told:
            for item in list(fields.items()):
                if often[item] == 1:
                    del fields[item[0]]


def _numbered(items: Iterable[Any]) -> dict[Any, int]:
    """Return each different item with its place among them."""
    return {item: n for n, item in enumerate(dict.fromkeys(items))}


def _named(fields: Iterable[Field], words: Iterable[bytes]) -> bytes:
    names = [bytes([kind]) + name.encode() for kind, name in fields]
    parts = [_listed(names), _listed(list(words))]
    return b"".join(parts)


def _listed(texts: Sequence[bytes]) -> bytes:
    return varint(len(texts)) + b"".join(varint(len(text)) + text for text in texts)


def _read_named(cursor: Cursor) -> tuple[list[Field], list[Raw]]:
    names = _read_listed(cursor, _MOST_FIELDS)
    words = [Raw(word) for word in _read_listed(cursor, _MOST_TEXT)]
    try:
        fields = [(name[0], name[1:].decode()) for name in names]
    except (IndexError, UnicodeDecodeError):
        raise damaged("a field has no name") from None
    return fields, words


def _read_listed(cursor: Cursor, most: int) -> list[bytes]:
    return [cursor.take(cursor.count(_MOST_TEXT)) for _ in range(cursor.count(most))]


def _read_shape(cursor: Cursor, fields: int) -> list[int]:
    return [cursor.count(fields - 1) for _ in range(cursor.count(fields))]


def _deflated(text: bytes) -> bytes:
    """Return *text* with its length, and that of its deflated form (0: none)."""
    packer = zlib.compressobj(6, zlib.DEFLATED, -15, 8, zlib.Z_DEFAULT_STRATEGY, _USUAL)
    short = packer.compress(text) + packer.flush()
    if len(short) < len(text):
        return varint(len(text)) + varint(len(short)) + short
    return varint(len(text)) + varint(0) + text


def _inflated(cursor: Cursor) -> bytes:
    size, short = cursor.count(_MOST_TEXT), cursor.count(_MOST_TEXT)
    if not short:
        return cursor.take(size)
    packer = zlib.decompressobj(-15, _USUAL)
    try:
        text = packer.decompress(cursor.take(short), size + 1)
    except zlib.error as error:
        raise damaged(str(error)) from error
    if len(text) != size:
        raise damaged("its words have another length")
    return text


def _pack_columns(columns: Iterable[Sequence[Any]], took: Sequence[int]) -> bytes:
    """Pack columns; one that is the same as one before only says which."""
    seen, out = {tuple(took): 1}, []
    for column in columns:
        numbers = tuple(column)
        before = seen.get(numbers)
        if before is None:
            seen[numbers] = len(seen) + 1
            out.append(varint(0) + pack(numbers))
        else:
            out.append(varint(before))
    return b"".join(out)


def _unpack_columns(
    cursor: Cursor, lengths: Iterable[int], took: Sequence[int]
) -> list[Sequence[int]]:
    seen, found = [took], []
    for length in lengths:
        before = cursor.count(len(seen))
        if not before:
            if not length:
                raise damaged("a column is empty")
            seen.append(unpack(cursor, length))
        column = seen[before - 1]
        if len(column) != length:
            raise damaged("a column has another length")
        found.append(column)
    return found


def _values(kind: int, column: Sequence[int], words: Sequence[Raw]) -> Iterable[Any]:
    if kind == _WHOLE:
        return column
    if kind in _NUMBERS:
        return [number / _PARTS for number in column]
    if min(column, default=0) < 0 or max(column, default=-1) >= len(words):
        raise damaged("there is no such word")
    return [words[n] for n in column]


def _packed(fields: Sequence[tuple[Field, Any]]) -> bytes | None:
    if not fields:
        return None
    reason, detail = "", ""
    phases: dict[str, Any] = {}
    readings: dict[str, Any] = {}
    for (kind, name), value in fields:
        if kind in (_PHASE, _ODD_PHASE):
            phases[name] = value
        elif kind == _REASON:
            reason = value
        elif kind == _DETAIL:
            detail = value
        else:
            readings[name] = value
    return _encode((reason, detail, phases, readings))
