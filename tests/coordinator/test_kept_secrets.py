"""No way of writing a change takes a stored secret to another server."""

import pytest

from pangea.coordinator.channel_service import _over
from pangea.coordinator.kept_secrets import refuse_moved
from pangea.coordinator.new_job import job_from, patched
from pangea.core.credentials import MASK
from pangea.core.errors import UsageError
from pangea.web.schema import JobPatch, JobSpec

OLD = {"url": "https://a.example/x", "headers": {"Authorization": "s3", "Team": "a"}}


def change(given: dict) -> dict:
    new = _over(OLD, given)
    refuse_moved(OLD, new, given, frozenset({"url", "secret"}))
    return new


@pytest.mark.parametrize(
    "headers",
    [
        {}, {"Authorization": MASK}, {"Authorization": None, "authorization": MASK},
        {"Authorization": "mine", "AUTHORIZATION": MASK},
    ],
)  # fmt: skip
def test_a_header_stays_where_it_was(headers):
    with pytest.raises(UsageError, match="not yours: headers"):
        change({"url": "https://b.example/x", "headers": headers})


@pytest.mark.parametrize("url", ["http://a.example/x", "http://[a", "https://a:1/x"])
def test_another_place_is_another_place(url):
    with pytest.raises(UsageError, match="not yours"):
        change({"url": url})


def test_what_is_given_again_or_taken_away_may_go_anywhere():
    given = {"url": "https://b.example/x", "headers": {"Authorization": "s3"}}
    assert change(given)["headers"]["Authorization"] == "s3"
    gone = change(given | {"headers": {"Authorization": None}})
    assert gone["headers"] == {"Team": "a"}


def test_at_the_same_place_all_stays():
    assert change({"url": "https://a.example/y"})["headers"] == OLD["headers"]


AT = "https://a.example/x"
PASSWORD = {"user": "ada", "password": "s3"}
HEADERS = [
    {"Authorization": "s3", "Team": "a"}, ["Authorization: s3"], "Team: a,X-Token: s3",
]  # fmt: skip


def edited(options, given=None, *, type_="http", at=AT, to=None):
    job = job_from(JobSpec(type=type_, target=at, options=options), (), {}, 1)
    patch = {} if to is None else {"target": to}
    return patched(job, JobPatch(**patch, **({"options": given} if given else {})))


@pytest.mark.parametrize(
    "to", ["https://b.example/", "http://a.example/", "a.example:1"]
)
@pytest.mark.parametrize("given", [None, {"password": MASK}, {"user": "eve"}])
def test_a_password_stays_with_the_target_of_its_job(to, given):
    with pytest.raises(UsageError, match="not yours: password") as refused:
        edited(PASSWORD, given, to=to)
    assert "take them away" in refused.value.hint


@pytest.mark.parametrize("headers", HEADERS)
@pytest.mark.parametrize(
    "given",
    [
        None, {"headers": MASK}, {"headers": {"authorization": MASK}},
        {"headers": [f"X-Token: {MASK}"]},
    ],
)  # fmt: skip
def test_headers_stay_with_the_target_however_they_are_written(headers, given):
    with pytest.raises(UsageError, match="not yours: headers"):
        edited({"headers": headers}, given, to="https://b.example/x")


@pytest.mark.parametrize(
    "way", [{"proxy": "http://b.example:3128"}, {"resolver": "192.0.2.1"}]
)
def test_another_way_to_the_target_is_another_place(way):
    with pytest.raises(UsageError, match="not yours: password"):
        edited(PASSWORD, way)


def test_what_a_tcp_job_says_stays_with_its_server_and_out_of_the_clear():
    options = {"send": r"\{secret}", "secret": "s3", "tls": True}
    for change in ({"to": "b.example:25"}, {"given": {"tls": False}}):
        with pytest.raises(UsageError, match="not yours: secret"):
            edited(options, **change, type_="tcp", at="a.example:25")


def test_a_job_may_go_where_its_secrets_are_given_again_or_taken_away():
    to = "https://b.example/"
    assert edited(PASSWORD, {"password": "new"}, to=to).options["password"] == "new"
    gone = edited(PASSWORD, {"user": None, "password": None}, to=to)
    assert (gone.target, gone.options) == (to, {})
    new = {"headers": {"Authorization": "mine"}}
    assert edited({"headers": HEADERS[0]}, new, to=to).options == new
    assert edited({"headers": {"Team": "a"}}, to=to).target == to


def test_at_the_same_server_a_job_keeps_its_secrets():
    job = edited(PASSWORD, {"method": "HEAD"}, to="HTTPS://A.example:443/y")
    assert job.options["password"] == "s3"
