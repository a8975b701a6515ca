"""Rows of the tables that are read and written one at a time.

The hot tables (results, rollups, watermarks, logs) have no row class: their
files speak SQL, because building statements costs more than running them.
"""

from typing import Any

import msgspec
from peewee import (
    AutoField,
    BooleanField,
    Field,
    FloatField,
    IntegerField,
    Model,
    TextField,
)

from .connection import db


class BytesField(Field):
    """Bytes. That of peewee asks for the driver before there is a database."""

    field_type = "BLOB"


class PackedField(BytesField):
    """A small list or dict, as MessagePack."""

    def db_value(self, value: Any) -> Any:
        """Return *value* packed."""
        return msgspec.msgpack.encode(value)

    def python_value(self, value: Any) -> Any:
        """Return what was packed."""
        return msgspec.msgpack.decode(value)


class Row(Model):
    """A row of this database."""

    class Meta:
        """Where it is."""

        database = db


class JobRow(Row):
    """A job; ``places`` is its ``on``."""

    id = AutoField()
    org = IntegerField()
    name = TextField()
    type = TextField()
    target = TextField()
    interval_s = FloatField()
    timeout_s = FloatField()
    places = TextField()
    rule = TextField()
    expect = TextField()
    options = PackedField()
    labels = PackedField()
    enabled = BooleanField()
    stopped_on = PackedField()
    depends_on = PackedField()
    slo = FloatField()
    created_at_us = IntegerField()

    class Meta:
        """Its table."""

        table_name = "job"


class WorkerRow(Row):
    """A worker that is in, waits, or was here once."""

    id = AutoField()
    org = IntegerField()
    key = BytesField()
    name = TextField()
    state = TextField()
    region = TextField()
    position = PackedField()
    tags = PackedField()
    version = TextField()
    probes = PackedField()
    lacks = PackedField()
    last_seen_us = IntegerField()
    trusted = BooleanField()
    draining = BooleanField()
    added_at_us = IntegerField()
    approved_by = TextField()
    wanted_name = TextField()
    site = TextField()

    class Meta:
        """Its table."""

        table_name = "worker"


class AccountRow(Row):
    """A person who may log in."""

    id = AutoField()
    org = IntegerField()
    name = TextField()
    role = TextField()
    prefix = TextField()
    code_hash = TextField()

    class Meta:
        """Its table."""

        table_name = "account"


class SessionRow(Row):
    """A login, under the hash of its id."""

    hash = BytesField(primary_key=True)
    account = IntegerField()
    org = IntegerField()
    created = FloatField()
    last_seen = FloatField()
    expires = FloatField()
    ip = TextField()
    agent = TextField()

    class Meta:
        """Its table."""

        table_name = "session"


class SettingRow(Row):
    """A text under a key."""

    key = TextField(primary_key=True)
    value = TextField()

    class Meta:
        """Its table."""

        table_name = "setting"
