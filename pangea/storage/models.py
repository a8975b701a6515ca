"""Rows of the tables that are read and written one at a time.

The hot tables (results, rollups, watermarks, logs) have no row class: their
files speak SQL, because building statements costs more than running them.
"""

from typing import Any

import msgspec

from .connection import db
from .light_peewee import peewee


class BytesField(peewee.Field):
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


class Row(peewee.Model):
    """A row of this database."""

    class Meta:
        """Where it is."""

        database = db


class JobRow(Row):
    """A job; ``places`` is its ``on``."""

    id = peewee.AutoField()
    org = peewee.IntegerField()
    name = peewee.TextField()
    type = peewee.TextField()
    target = peewee.TextField()
    interval_s = peewee.FloatField()
    timeout_s = peewee.FloatField()
    places = peewee.TextField()
    rule = peewee.TextField()
    expect = peewee.TextField()
    options = PackedField()
    labels = PackedField()
    enabled = peewee.BooleanField()
    stopped_on = PackedField()
    depends_on = PackedField()
    slo = peewee.FloatField()
    created_at_us = peewee.IntegerField()

    class Meta:
        """Its table."""

        table_name = "job"


class WorkerRow(Row):
    """A worker that is in, waits, or was here once."""

    id = peewee.AutoField()
    org = peewee.IntegerField()
    key = BytesField()
    name = peewee.TextField()
    state = peewee.TextField()
    region = peewee.TextField()
    position = PackedField()
    tags = PackedField()
    version = peewee.TextField()
    probes = PackedField()
    lacks = PackedField()
    last_seen_us = peewee.IntegerField()
    trusted = peewee.BooleanField()
    draining = peewee.BooleanField()
    added_at_us = peewee.IntegerField()
    approved_by = peewee.TextField()
    wanted_name = peewee.TextField()
    site = peewee.TextField()

    class Meta:
        """Its table."""

        table_name = "worker"


class AccountRow(Row):
    """A person who may log in."""

    id = peewee.AutoField()
    org = peewee.IntegerField()
    name = peewee.TextField()
    role = peewee.TextField()
    prefix = peewee.TextField()
    code_hash = peewee.TextField()

    class Meta:
        """Its table."""

        table_name = "account"


class SessionRow(Row):
    """A login, under the hash of its id."""

    hash = BytesField(primary_key=True)
    account = peewee.IntegerField()
    org = peewee.IntegerField()
    created = peewee.FloatField()
    last_seen = peewee.FloatField()
    expires = peewee.FloatField()
    ip = peewee.TextField()
    agent = peewee.TextField()

    class Meta:
        """Its table."""

        table_name = "session"


class SettingRow(Row):
    """A text under a key."""

    key = peewee.TextField(primary_key=True)
    value = peewee.TextField()

    class Meta:
        """Its table."""

        table_name = "setting"
