"""Asking by https: which certificate is right, and nothing said before it is."""

import os

import pytest

from pangea.cli.trust import digits_of
from pangea.mesh.tls_binding import fingerprint
from pangea.state_dir import note_url
from pangea.web.tls import load
from tests.cli.api import running_api
from tests.mesh.tls_parties import own_pair


@pytest.fixture
def pair(tmp_path):
    return own_pair(tmp_path / "coordinator", now=os.stat(tmp_path).st_mtime)


@pytest.fixture
def api(pair):
    with running_api(load(pair)) as api:
        api.on("GET /api/v1/jobs", {"items": [], "next": None})
        yield api


@pytest.fixture
def shown(pair):
    return fingerprint(load(pair).certificate)


def test_an_unknown_certificate_is_refused_before_the_token_is_sent(api, run):
    found = run("job", "list", env={"PANGEA_TOKEN": "secret"})
    assert found.exit_code == 5
    assert "not trusted here: self-signed certificate" in found.stderr
    assert "--ca-file" in found.stderr
    assert "--tls-fingerprint" in found.stderr
    assert api.asked == []


def test_the_certificate_itself_vouches_as_ca_file(api, run, pair):
    assert run("job", "list", "--ca-file", str(pair[0])).exit_code == 0
    environment = {"PANGEA_CA_FILE": str(pair[0])}
    assert run("job", "list", env=environment).exit_code == 0


def test_a_ca_file_of_another_is_refused(api, run, tmp_path):
    other, _ = own_pair(tmp_path / "other")
    assert run("job", "list", "--ca-file", str(other)).exit_code == 5
    nothing = run("job", "list", "--ca-file", str(tmp_path / "none"))
    assert nothing.exit_code == 78
    assert "no certificates can be read" in nothing.stderr
    assert api.asked == []


@pytest.mark.parametrize("form", ["{}", "sha256:{}", "SHA-256 {}"])
def test_the_fingerprint_of_the_greeting_is_enough(api, run, shown, form):
    given = form.format(shown)
    assert run("job", "list", "--tls-fingerprint", given).exit_code == 0
    assert run("job", "list", env={"PANGEA_TLS_FINGERPRINT": given}).exit_code == 0


def test_another_fingerprint_is_told_with_what_was_shown(api, run, shown):
    found = run("job", "list", "--tls-fingerprint", "00" * 32)
    assert found.exit_code == 5
    assert f"shows another certificate: SHA-256 {shown}" in found.stderr
    assert api.asked == []


def test_what_is_no_fingerprint_is_a_fault_of_usage(api, run):
    found = run("job", "list", "--tls-fingerprint", "ab:cd")
    assert found.exit_code == 2
    assert "64 hexadecimal digits" in found.stderr


def test_on_its_own_machine_nothing_needs_to_be_said(api, run, tmp_path, shown):
    note_url(tmp_path / "state", api.url, shown)
    assert run("job", "list").exit_code == 0
    assert run("job", "list", env={"PANGEA_SERVER": ""}).exit_code == 0
    note_url(tmp_path / "state", api.url, "00" * 32)
    found = run("job", "list")
    assert found.exit_code == 5
    assert "is --state-dir that of this coordinator?" in found.stderr


def test_what_the_state_directory_says_is_of_its_own_port_only(
    api, run, tmp_path, shown
):
    note_url(tmp_path / "state", "https://127.0.0.1:9", shown)
    assert run("job", "list").exit_code == 5
    (tmp_path / "state" / "url").write_text(f"{api.url}\ndamaged\n")
    assert run("job", "list").exit_code == 5
    assert api.asked == []


def test_a_port_of_tls_that_is_asked_in_the_clear_says_the_right_url(run):
    with running_api() as plain:
        plain.on("GET /api/v1/jobs", b"", 426)
        found = run("job", "list", "--server", plain.url)
    assert found.exit_code == 5
    assert "speaks TLS" in found.stderr
    assert f"--server {plain.url.replace('http', 'https')}" in found.stderr


@pytest.mark.parametrize("text", ["", "xx" * 32, "ab" * 31, "ab" * 33, "é" * 64])
def test_digits_are_64_or_none(text):
    assert digits_of(text) == ""
