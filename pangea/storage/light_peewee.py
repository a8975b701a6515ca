"""peewee, without the drivers that it loads wherever it finds them.

That of PostgreSQL would cost each coordinator 16 MB and an eighth of a second; who
needs it imports it.
"""

import sys

_DRIVERS = [
    name
    for name in ("psycopg", "psycopg2", "MySQLdb", "pymysql")
    if name not in sys.modules
]
# What stands there as None cannot be imported.
sys.modules.update(dict.fromkeys(_DRIVERS))  # type: ignore[arg-type]  # as said
try:
    import peewee
    from playhouse.migrations import Runner
finally:
    for _name in _DRIVERS:
        del sys.modules[_name]

__all__ = ["Runner", "peewee"]
