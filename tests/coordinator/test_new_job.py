"""What a person asks for becomes a job, or an error that helps."""

import pytest
from msgspec import UNSET
from msgspec.structs import asdict

from pangea.coordinator.new_job import free_name, job_from, patched
from pangea.core.errors import UsageError
from pangea.web.schema import JobPatch, JobSpec


def made(**said):
    spec = JobSpec(**{"type": "http", "target": "example.com", **said})
    return job_from(spec, (), {}, 0)


def test_what_is_left_out_has_the_default_of_its_type():
    assert (made().interval_s, made().timeout_s) == (30.0, 10.0)
    cert = made(type="tls", target="example.com:443")
    assert cert.interval_s == 3600.0
    short = made(interval_s=5.0)
    assert short.timeout_s == 4.0, "80 % of the interval"


def test_the_configured_interval_of_a_type_beats_its_own():
    spec = JobSpec(type="http", target="example.com")

    assert job_from(spec, (), {"http": 15.0}, 0).interval_s == 15.0


@pytest.mark.parametrize(
    ("every", "timeout"), [(0.9, 0.85), (1, 0.9), (5, 4), (60, 10)]
)
def test_pings_every_second_have_time_to_be_sent(every, timeout):
    spec = JobSpec(type="icmp", target="192.0.2.1", interval_s=every)
    assert job_from(spec, (), {}, 0).timeout_s == pytest.approx(timeout)


@pytest.mark.parametrize(
    ("type_", "target", "name"),
    [
        ("http", "https://Example.com/a b?x=1", "http-example.com-a-b-x-1"),
        ("icmp", "2001:db8::1", "icmp-2001-db8-1"),
        ("tcp", "[::1]:22", "tcp-1-22"),
        ("dns", "x" * 300, "dns-" + "x" * 59),
    ],
)
def test_a_default_name_is_a_slug(type_, target, name):
    assert free_name(type_, target, ()) == name


def test_a_default_name_makes_way():
    taken = {"http-a", "http-a-2"}

    assert free_name("http", "a", taken) == "http-a-3"
    long = free_name("dns", "x" * 300, {"dns-" + "x" * 59})
    assert len(long) == 63
    assert long.endswith("-2")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        pytest.param({"type": "htp"}, "htp", id="type"),
        pytest.param({"name": "No Spaces"}, "No Spaces", id="name"),
        pytest.param({"rule": "latency=200s"}, "can never warn", id="latency"),
        pytest.param({"interval_s": 0.01}, "0.01", id="interval"),
        pytest.param({"interval_s": float("nan")}, "nan", id="not a number"),
        pytest.param({"timeout_s": 31.0}, "31", id="timeout"),
        pytest.param({"timeout_s": 0.0}, "0", id="no timeout"),
        pytest.param({"rule": "most"}, "most", id="rule"),
        pytest.param({"on": "count:0"}, "count:0", id="workers"),
        pytest.param({"options": {"metod": "GET"}}, "metod", id="option"),
        pytest.param(
            {"type": "icmp", "target": "::1", "timeout_s": 1.0, "interval_s": 2.0}
            | {"options": {"count": 20}},
            "3.8 s",
            id="a timeout shorter than the sending",
        ),
        pytest.param({"labels": {"a b": "c"}}, "a b", id="label"),
        pytest.param({"target": "http://"}, "empty", id="target"),
    ],
)
def test_what_cannot_work_is_refused_by_name(said, words):
    with pytest.raises(UsageError) as caught:
        made(**said)
    assert words in str(caught.value)


def test_a_patch_changes_what_it_names_and_nothing_else():
    job = made(labels={"a": "1", "b": "2"}, options={"method": "HEAD"})
    same = patched(job, JobPatch())
    new = patched(
        job,
        JobPatch(
            interval_s=5.0, labels={"a": None, "c": "3"}, options={"method": None}
        ),
    )

    assert same == job
    assert new.labels == {"b": "2", "c": "3"}
    assert new.options == {}
    assert (new.interval_s, new.timeout_s) == (5.0, 5.0), "the timeout still fits"
    changed = {k for k, v in asdict(new).items() if v != asdict(job)[k]}
    assert changed == {"interval_s", "timeout_s", "labels", "options"}
    assert JobPatch().name is UNSET
