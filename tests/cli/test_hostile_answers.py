"""Whatever an API answers: no command lets it command the terminal."""

import re

import pytest

from tests.cli.conftest import a_cost, a_job, a_page, a_result
from tests.cli.test_explain import INCIDENT, TOLD
from tests.cli.test_incident import an_incident, in_full
from tests.cli.test_job import VOTE
from tests.cli.test_mesh import PAIRS
from tests.cli.test_past import a_status, an_uptime
from tests.cli.test_planned import DRILL, PLAN
from tests.cli.test_views import STATUS, WORKER

EVIL = "\x1b]0;pwn\x07\x1b[31m\u202e\r\n\x9b2J[red]"
COMMANDS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_TIME = re.compile(r"^\d{4}-\d\d-\d\dT")
JOB = a_job(
    votes=[VOTE], labels={"app": "x"}, incident="abcde", depends_on=["db"],
    trust="one votes", notices=["gone"], options={"method": "GET"},
)  # fmt: skip
NOTE = {"id": 1, "at": "2026-01-01T00:00:00Z", "added_at": "2026-01-01T00:00:00Z",
        "text": "moved", "labels": {"app": "x"}, "who": "ann"}  # fmt: skip
SITE = "/api/v1/"
ANSWERS = {
    "GET jobs": a_page(JOB),
    "GET jobs/web": JOB,
    "GET jobs/web/explain": TOLD,
    "GET jobs/web/results": a_page(a_result(), a_result(outcome="failed")),
    "GET jobs/web/uptime": an_uptime(),
    "POST jobs": {"job": JOB, "cost": a_cost()},
    "GET incidents": a_page(an_incident()),
    "GET incidents/abcde": in_full(),
    "GET incidents/abcde/explain": INCIDENT,
    "POST incidents/abcde/ack": in_full(),
    "POST incidents/abcde/comments": in_full(),
    "GET maintenance": a_page(PLAN),
    "POST maintenance": PLAN,
    "POST jobs/web/drill": DRILL,
    "GET notes": a_page(NOTE),
    "POST notes": NOTE,
    "GET workers": a_page(WORKER),
    "GET workers/london": WORKER,
    "GET gaps": a_page(),
    "GET mesh/pairs": a_page(*PAIRS),
    "GET status": {**STATUS, **a_status()},
    "POST probes": {**a_result(), "worker": "rome", "refused": ""},
}
LINES = [
    "job list",
    "job show web",
    "job explain web",
    "job add tcp 127.0.0.1:9 --name web",
    "results web",
    "history web",
    "incident list",
    "incident show abcde",
    "incident explain abcde",
    "incident ack abcde",
    "incident comment abcde hello",
    "maintenance list",
    "maintenance add --job web --for 1h",
    "note list",
    "note moved --label app=x",
    "worker list",
    "worker show london",
    "mesh",
    "status",
    "probe tcp 127.0.0.1:9 --from all",
    "ping 127.0.0.1 --from all",
    "segment check",
]


def spoiled(value, key=""):
    """Return *value* with evil after every text that is no time."""
    if isinstance(value, dict):
        return {name: spoiled(one, name) for name, one in value.items()}
    if isinstance(value, list):
        return [spoiled(one, key) for one in value]
    if isinstance(value, str) and not _TIME.match(value):
        return value + EVIL
    return value


@pytest.mark.parametrize("form", ["table", "wide", "jsonl", "name"])
@pytest.mark.parametrize("line", LINES)
def test_no_answer_commands_the_terminal(api, run, line, form):
    for call, answer in ANSWERS.items():
        method, path = call.split()
        api.on(f"{method} {SITE}{path}", spoiled(answer))
    form = ["-q"] if form == "name" else ["-o", form]
    result = run(*form, *line.split())
    found = COMMANDS.search(result.output)
    assert not found, repr(result.output[max(0, found.start() - 80) : found.end()])
    assert api.asked, "it read nothing"


@pytest.mark.parametrize("line", ["job show web", "worker show london"])
def test_a_name_is_shown_with_what_it_would_have_done(api, run, line):
    for call in ("GET jobs/web", "GET workers/london"):
        method, path = call.split()
        api.on(f"{method} {SITE}{path}", spoiled(ANSWERS[call]))
    api.on(f"GET {SITE}jobs/web/uptime", spoiled(ANSWERS["GET jobs/web/uptime"]))
    api.on(f"GET {SITE}gaps", a_page())
    result = run(*line.split())
    assert r"\x1b[31m" in result.stdout.splitlines()[0]
