"""What each recorded database holds, as plain values: see README.md."""

T0 = 1_790_000_000_000_000
SECOND = 1_000_000
HOUR = 3_600 * SECOND

JOBS = (
    {"name": "web", "type": "http", "target": "https://shop.example/ü",
     "interval_s": 60.0, "timeout_s": 10.0, "on": "all", "rule": "majority",
     "options": {"method": "HEAD"}, "labels": {"team": "shop"}},
    {"name": "router", "type": "icmp", "target": "192.0.2.1",
     "interval_s": 30.0, "timeout_s": 5.0, "on": "hel,lon", "rule": "2",
     "options": {}, "labels": {}, "enabled": False, "stopped_on": ("lon",)},
)  # fmt: skip
WORKERS = (
    {"name": "hel", "key": b"h" * 32, "region": "eu-north", "position": (60.2, 24.9),
     "tags": {"site": "hel1"}, "probes": ("http", "icmp"), "version": "0.1"},
    {"name": "lon", "key": b"l" * 32, "region": "", "position": None,
     "tags": {}, "probes": ("http",), "lacks": {"icmp": "no right to it"}},
)  # fmt: skip
EPOCHS = {1: "epoch-of-hel", 2: "epoch-of-lon"}
#: Results of each worker, of job 1: every sixth failed, each took some ms.
COUNT = 60
GAP = (61, 64, "buffer overflow", {1: 4})
ACCOUNT = ("ann", "admin", "PREF", "a hash")
SETTING = ("installation", "of-then")


def row(worker: int, number: int) -> dict:
    """Return result *number* of *worker*, as keywords."""
    failed = number % 6 == 0
    said = {"outcome": "failed", "reason": "timeout", "detail": "no answer in 10 s ü"}
    return {
        "job": 1,
        "worker": worker,
        "started_at_us": T0 + number * 60 * SECOND + worker,
        "duration_ms": 10.0 + number + worker / 4,
        "phases": {"connect": 2.5},
        "readings": {"status": 200} if not failed else {},
        **(said if failed else {"outcome": "ok"}),
    }


VOTES = (
    {"job": 1, "worker": 1, "at_us": T0 + SECOND, "before": None, "after": "ok",
     "cause": "result"},
    {"job": 1, "worker": 1, "at_us": T0 + HOUR, "before": "ok", "after": "failed",
     "cause": "result"},
    {"job": 1, "worker": 2, "at_us": T0 + HOUR + SECOND, "before": "ok",
     "after": None, "cause": "expired"},
)  # fmt: skip
TRANSITIONS = (
    {"job": 1, "at_us": T0 + SECOND, "before": "unknown", "after": "up",
     "reason": "2 of 2 ok"},
    {"job": 1, "at_us": T0 + HOUR, "before": "up", "after": "down",
     "reason": "2 of 2 failed"},
)  # fmt: skip
STATE = {"verdict": "down", "since": T0 / 1e6 + 3600, "reason": "2 of 2 failed"}
VOTE = {"worker": 1, "value": "failed", "at": T0 / 1e6 + 3600,
        "expires": T0 / 1e6 + 3800, "reason": "timeout"}  # fmt: skip

INCIDENT = {"id": "I1", "org": 1, "job": 1, "title": "web is down ü",
            "opened_us": T0 + HOUR, "reason": "2 of 2 failed", "downs": 1}  # fmt: skip
MAINTENANCE = {"jobs": (1,), "from_us": T0, "until_us": T0 + HOUR, "reason": "cables",
               "by": "ann"}  # fmt: skip

#: What later schemas added: (table, columns, values), told in SQL.
ADDED = {
    "0003": [
        ("revoked_key", "key, org, name, revoked_us, revoked_by, reason",
         (b"r" * 32, 1, "rio", T0, "ann", "stolen")),
        ("join_token",
         "id, org, secret, state, approve, site, created_us, created_by, expires_us",
         (b"t" * 8, 1, b"sealed", "open", 1, "rio1", T0, "ann", T0 + HOUR)),
    ],
    "0004": [],
    "0005": [
        ("incident_event", "incident, at_us, kind, who, text, data",
         ("I1", T0 + HOUR, "comment", "ann", "on it", b"\x80")),
        ("incident_member",
         "incident, job, name, joined_us, bad_us, recovered_us, verdict, reason",
         ("I1", 1, "web", T0 + HOUR, T0 + HOUR, 0, "down", "2 of 2 failed")),
        ("note", "org, at_us, added_us, who, text, labels",
         (1, T0, T0 + SECOND, "ann", "deployed ü", b"\x81\xa4team\xa4shop")),
    ],
    "0006": [("sick_window", "worker, from_us, until_us, cause",
              (2, T0, T0 + HOUR, "gateway"))],
    "0007": [("span", "job, kind, from_us, until_us, why",
              (1, "maintenance", T0 + HOUR, T0 + 2 * HOUR, "cables"))],
    "0008": [
        ("pause", "org, job, at_us, paused", (1, 2, T0, 1)),
        ("late_stretch", "job, from_us, to_us", (1, T0, T0 + SECOND)),
    ],
    "0009": [],
    "0012": [
        ("channel", "org, name, type, options, enabled, per_minute, created_us",
         (1, "ops", "email", b"\x81\xa2to\xa5a@b.c", 1, 30, T0)),
    ],
}  # fmt: skip
