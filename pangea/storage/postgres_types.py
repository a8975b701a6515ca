"""Values as PostgreSQL and Python have them, so that both engines answer alike."""

from decimal import Decimal
from typing import Any

import psycopg
from psycopg.adapt import Loader
from psycopg.errors import NumericValueOutOfRange
from psycopg.types.numeric import Int8BinaryDumper, NumericBinaryLoader

from .light_peewee import peewee

_RAISED: tuple[tuple[type[psycopg.Error], type[Exception]], ...] = (
    (NumericValueOutOfRange, OverflowError),
    (psycopg.DataError, ValueError),
    (psycopg.IntegrityError, peewee.IntegrityError),
    (psycopg.OperationalError, peewee.OperationalError),
    (psycopg.InterfaceError, peewee.InterfaceError),
    (psycopg.ProgrammingError, peewee.ProgrammingError),
    (psycopg.InternalError, peewee.InternalError),
)


class Number(Loader):
    """A sum or mean as int or float: what SQLite returns."""

    def load(self, data: Any) -> int | float:
        """Return a number that came as text."""
        return _number(Decimal(bytes(data).decode()))


class BinaryNumber(NumericBinaryLoader):
    """The same, as it comes in binary."""

    def load(self, data: Any) -> Any:
        """Return a number that came in binary."""
        return _number(super().load(data))


def adapt(link: psycopg.Connection[Any]) -> None:
    """Let *link* take and return what the other engine does."""
    known = link.adapters
    # All whole numbers are as wide as the columns: sums of small ones overflowed.
    known.register_dumper(int, Int8BinaryDumper)
    known.register_dumper(bool, Int8BinaryDumper)
    known.register_loader("numeric", Number)
    known.register_loader("numeric", BinaryNumber)


def raised(error: psycopg.Error) -> Exception:
    """Return what the driver raised as the rest of the program knows it.

    What no column can hold is a fault of the value, not of the database.
    """
    for kind, known in _RAISED:
        if isinstance(error, kind):
            return known(str(error))
    return peewee.DatabaseError(str(error))


def _number(found: Decimal) -> int | float:
    exponent = found.as_tuple().exponent
    whole = isinstance(exponent, int) and exponent >= 0
    return int(found) if whole else float(found)
