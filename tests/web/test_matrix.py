"""Which jobs the dashboard shows, and that the options of pages are whole."""

from importlib import resources

import pytest
from multidict import MultiDict

from pangea.core.errors import UsageError
from pangea.core.options import MASK
from pangea.probes.base import PROBES, load_builtin
from pangea.web.job_form import JobFields, read_patch, read_spec
from pangea.web.job_options import option_fields, probe_types
from pangea.web.matrix import Ask, asked_of, chosen, grouped, label_keys, paged
from pangea.web.schema import StatusAnswer, moment
from pangea.web.text_view import text_dashboard
from tests.seeded_many import more_jobs
from tests.seeded_world import NOW_US

ASSETS = resources.files("pangea.web_assets")
JOBS = more_jobs(1, 200)
STATUS = StatusAnswer(
    name="atlas",
    version="",
    started_at=moment(NOW_US),
    now=moment(NOW_US),
    verdicts={},
    jobs=3,
    workers=0,
    workers_connected=0,
    results_per_s=0.0,
    trouble=[],
    next="",
)


def names(**query):
    return [job.name for job in chosen(JOBS, asked_of(query))]


def test_the_worst_stand_first_and_each_order_keeps_all():
    worst = [job.verdict for job in chosen(JOBS, Ask())]
    assert worst == sorted(worst, key=["down", "up"].index)
    for sort in ("name", "type", "since", "slow"):
        assert sorted(names(sort=sort)) == sorted(job.name for job in JOBS)
    slow = [job.last_duration_ms or 0 for job in chosen(JOBS, Ask(sort="slow"))]
    assert slow == sorted(slow, reverse=True)
    since = [job.verdict_since for job in chosen(JOBS, Ask(sort="since"))]
    assert since == sorted(since, reverse=True)


def test_every_word_must_be_found_and_none_that_is_excluded():
    assert names(q="Nightly HEARTBEAT") == ["nightly-backup"]
    assert "nightly-backup" not in names(q="backup -heartbeat")
    assert names(q="team=web") == [j.name for j in chosen(JOBS, Ask()) if web(j)]
    assert names(q="no such words") == []


def web(job):
    return job.labels["team"] == "web"


def test_what_makes_no_sense_in_an_address_is_left_out():
    asked = asked_of(
        {"sort": "x", "verdict": "down,x", "page": "-1", "group": "label:"}
    )
    assert asked == Ask(verdicts=frozenset({"down"}))
    assert asked.href() == "/dash?verdict=down"
    assert asked_of({"page": "²"}).page == 1
    assert len(asked_of({"q": "x" * 500}).q) == 200


def test_an_address_says_what_is_asked_and_is_read_back():
    asked = Ask("a b", frozenset({"down"}), "label:team", "name")
    path = asked.href()
    query = dict(part.split("=") for part in path.partition("?")[2].split("&"))
    assert path == "/dash?q=a+b&verdict=down&group=label%3Ateam&sort=name"
    assert query["sort"] == "name"


def test_groups_stand_in_the_order_of_their_first_job():
    jobs = chosen(JOBS, Ask())
    groups = grouped(jobs, "label:team")
    assert {g.title for g in groups} == {f"team={j.labels['team']}" for j in JOBS}
    assert groups[0].jobs[0] is jobs[0]
    assert sum(len(group.jobs) for group in groups) == len(JOBS)
    assert [g.title for g in grouped(jobs, "label:none")] == ["no none"]
    assert label_keys(JOBS) == ["site", "team"]


def test_lists_say_which_target_must_not_answer():
    page = text_dashboard(STATUS, JOBS[:3], {})
    (line,) = [line for line in page.split("\n") if "telnet-closed" in line]
    assert "tcp 192.0.2.1:23 (must not answer)" in line
    assert page.count("must not answer") == 1


def test_a_group_that_goes_over_a_page_goes_on_on_the_next():
    groups = grouped(chosen(JOBS, Ask()), "label:team")
    pages = [list(paged(groups, number)) for number in (1, 2, 3)]
    drawn = [job.name for page in pages for _, part in page for job in part]
    assert drawn == [job.name for group in groups for job in group.jobs]
    assert [sum(len(part) for _, part in page) for page in pages] == [100, 100, 0]


def test_each_option_of_each_probe_has_its_help():
    load_builtin()
    assert set(probe_types()) == set(PROBES)
    for kind in probe_types():
        fields = option_fields(kind, {})
        assert [field.name for field in fields if not field.help] == []
        assert {f.name for f in fields if f.first}


def test_a_secret_is_asked_for_and_never_shown():
    (field,) = [f for f in option_fields("http", {"token": MASK}) if f.name == "token"]
    assert (field.kind, field.secret, field.value) == ("secret", True, "")


def form(**typed):
    usual = {"type": "http", "target": "example.com", "on": "all"}
    return MultiDict(usual | typed)


def test_what_is_typed_becomes_the_job():
    spec = read_spec(
        form(
            every="1m",
            rule="any",
            expect="fail",
            labels="team=web\nsite=hel",
            depends_on="gateway, dns",
            slo="99.9 %",
            **{
                "opt.method": "GET",
                "opt.body_contains": "ok",
                "opt.headers": "A: 1\nB: 2, 3",
                "opt.verify": "false",
            },
        )
    )
    assert spec.interval_s == 60
    assert (spec.rule, spec.expect, spec.slo) == ("any", "fail", 99.9)
    assert spec.labels == {"team": "web", "site": "hel"}
    assert spec.depends_on == ["gateway", "dns"]
    # What is usual is not said.
    assert spec.options == {
        "body_contains": "ok",
        "headers": ["A: 1", "B: 2, 3"],
        "verify": "false",
    }


@pytest.mark.parametrize(
    "typed",
    [{"target": ""}, {"labels": "team"}, {"slo": "much"}, {"name": "x" * 300}],
)
def test_what_cannot_be_read_is_said(typed):
    with pytest.raises(UsageError):
        read_spec(form(**typed))


def test_a_job_as_it_is_changes_nothing_when_it_is_saved():
    job = JOBS[5]
    fields = JobFields.of(job.type, ["local"], job=job)
    usual = JobFields.of("http", [], intervals={"http": 300.0})
    assert (usual.usual_every, usual.usual_timeout) == ("5m", "10s")
    typed = form(type=job.type, target=job.target, name=job.name)
    typed.update({"every": fields.every, "timeout": fields.timeout, "on": fields.on})
    typed.update({"labels": fields.labels, "rule": fields.rule})
    patch = read_patch(MultiDict(typed), job)
    assert (patch.target, patch.labels, patch.options) == (job.target, job.labels, {})
    assert patch.interval_s == job.interval_s
    assert patch.on == "all"


def test_all_scripts_together_are_small():
    files = [f for f in ASSETS.joinpath("static").iterdir() if f.name.endswith(".js")]
    assert sum(len(file.read_bytes()) for file in files) <= 150 * 1024
