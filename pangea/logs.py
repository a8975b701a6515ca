"""What a node tells of itself, on standard error: for people or for machines."""

import json
import logging
import sys
from datetime import UTC, datetime


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return *record* as JSON with time, level, logger and message."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class ConsoleFormatter(logging.Formatter):
    """A line with the time, the level if it is not ordinary, and the message."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(mark)s%(message)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """Return *record* as a line."""
        ordinary = record.levelno == logging.INFO
        record.mark = "" if ordinary else f"{record.levelname.lower()}: "
        return super().format(record)


def set_up_logging(form: str, level: str) -> None:
    """Send the log to standard error as *form* (console or json) from *level* on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else ConsoleFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("apscheduler", "asyncio", "peewee"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))
    # Interfaces without multicast are ordinary, and it warns with a traceback.
    logging.getLogger("zeroconf").setLevel(logging.ERROR)
