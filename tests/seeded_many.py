"""The seeded world beyond its first jobs: as many as a page must bear."""

import random

from msgspec.structs import replace

from pangea.web.schema import JobAnswer, VoteAnswer, moment

from .seeded_world import NOW_US, TYPES, make_job

TEAMS = ("web", "net", "core", "office")
SITES = ("hel", "fra", "ord", "nrt")
HOST = {
    "http": "https://{}.example.com/",
    "icmp": "{}.example.net",
    "dns": "{}.example.org@192.0.2.53",
    "tls": "{}.example.com:443",
    "tcp": "{}.example.net:5432",
}


def labelled(job: JobAnswer) -> JobAnswer:
    """Return *job* with the labels that a tidy person gives."""
    rng = random.Random(job.name)
    labels = {"team": rng.choice(TEAMS), "site": rng.choice(SITES)}
    return replace(job, labels=labels)


def more_jobs(first: int, jobs: int) -> list[JobAnswer]:
    """Return jobs number *first* to *jobs*; one in fifty is not well."""
    made = [_heartbeat(first), _closed_port(first + 1)][: max(jobs - first + 1, 0)]
    return made + [_job(number) for number in range(first + len(made), jobs + 1)]


def _job(number: int) -> JobAnswer:
    rng = random.Random(number)
    kind = rng.choice(list(TYPES))
    name = f"{rng.choice(('app', 'edge', 'store', 'mail', 'core'))}-{number:04}"
    verdict = "up"
    why, odd = "", {}
    if rng.random() < 0.02:
        verdict, why = "down", "4 of 4 workers: no answer in time"
        odd = dict.fromkeys(
            ("local", "london", "nyc", "tokyo"), ("failed", "timeout", "within 10 s")
        )
    target = HOST[kind].format(name)
    since = rng.randrange(600, 86400 * 40)
    return labelled(make_job(number, (name, kind, target, verdict, since, why, odd)))


def _closed_port(number: int) -> JobAnswer:
    row = ("telnet-closed", "tcp", "192.0.2.1:23", "up", 86400 * 31, "", {})
    return labelled(replace(make_job(number, row), expect="fail"))


def _heartbeat(number: int) -> JobAnswer:
    row = ("nightly-backup", "tcp", "nightly-backup", "up", 86400 * 8, "", {})
    told = VoteAnswer(
        worker="coordinator",
        outcome="ok",
        state="probing",
        at=moment(NOW_US - 32_000_000_000),
        duration_ms=None,
    )
    job = replace(make_job(number, row), type="heartbeat", interval_s=86400.0)
    return labelled(replace(job, votes=[told], last_duration_ms=None))
