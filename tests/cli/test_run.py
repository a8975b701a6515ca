"""`run` and `secret`: what a node is told, and what needs no coordinator."""

import json
import os
import stat

import pytest

from pangea.cli.run import flags_of
from pangea.cli.session import Session
from pangea.cli.settings import resolve


def test_every_flag_of_tls_reaches_the_configuration(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PANGEA_DISCOVERY", raising=False)
    flags = flags_of(
        {
            "tls": "auto",
            "tls_cert": "c.pem",
            "tls_key": "k.pem",
            "tls_proxy": ("10.0.0.0/8", "::1"),
            "public": True,
        }
    )
    config = resolve(Session(ca_file="ca.pem"), flags).config
    assert (config.server.tls, config.server.public) == ("auto", True)
    assert (config.server.tls_cert, config.server.tls_key) == ("c.pem", "k.pem")
    assert config.server.tls_proxies == ("10.0.0.0/8", "::1")
    assert config.mesh.ca_file == "ca.pem"
    assert config.mesh.admission == "approve"
    assert "mdns" not in config.mesh.discovery


def test_the_environment_says_the_same(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    given = {
        "PANGEA_DISCOVERY": "static",
        "PANGEA_PUBLIC": "1",
        "PANGEA_TLS_PROXY": "10.0.0.1,10.0.0.2",
        "PANGEA_URL": "https://mon.example.net",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    config = resolve(Session()).config
    assert config.server.tls_proxies == ("10.0.0.1", "10.0.0.2")
    assert config.server.url == "https://mon.example.net"
    assert config.server.public
    monkeypatch.setenv("PANGEA_PUBLIC", "off")
    assert not resolve(Session()).config.server.public


def test_every_flag_of_run_reaches_the_configuration(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PANGEA_NAME", "weaker")
    flags = flags_of(
        {
            "role": "worker",
            "listen": "[::1]:7000",
            "name": "n",
            "region": "r",
            "location": "51.5,-0.1",
            "tag": ("a.b=1", "c=2"),
            "join": ("x:1", "y:2"),
            "secret_file": "s",
            "discovery": ("static",),
            "database": "d.db",
            "no_local_worker": True,
            "log_format": "json",
            "log_level": "debug",
        }
    )
    config = resolve(Session(state_dir="/state"), flags).config
    assert config.listen == ("::1", 7000)
    assert config.listen_given
    assert (config.node.role, config.node.name) == ("worker", "n")
    assert config.node.location == (51.5, -0.1)
    assert config.node.tags == {"a.b": "1", "c": "2"}
    assert config.mesh.join == ("x:1", "y:2")
    assert config.mesh.discovery == ("static",)
    assert config.mesh.secret_file == "s"
    assert config.database == "d.db"
    assert config.worker.local is False
    assert (config.log.format, config.log.level) == ("json", "debug")
    assert config.storage.state_dir == "/state"


def test_what_is_not_given_is_left_to_the_weaker_layers():
    nothing = {"role": None, "tag": (), "join": (), "no_local_worker": False}
    assert flags_of(nothing) == {}


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--listen", "7464"], "listen: wanted HOST:PORT"),
        (["--role", "boss"], "boss"),
        (["--location", "north"], "location"),
        (["--location", "91,0"], "location: 91,0 is not"),
        (["--tag", "rack"], "--tag: wanted KEY=VALUE"),
        (["--name", "a,b"], "name: 'a,b'"),
        (["--database", "mysql://x/y"], "mysql:// is not known"),
        (["--discovery", "carrier-pigeon"], "carrier-pigeon"),
    ],
)
def test_a_malformed_flag_of_run_is_usage(run, args, said):
    # A place where no node could start, should the flag pass after all.
    result = run("run", *args, "--state-dir", "/dev/null/state")
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_malformed_file_stops_run_with_78(run, tmp_path):
    (tmp_path / "pangea.toml").write_text("[node]\nrole = 3\n")
    result = run("run", "--state-dir", "/dev/null/state")
    assert result.exit_code == 78
    assert "pangea.toml: node: role" in result.stderr


def test_a_new_secret_is_another_each_time_and_stored_nowhere(run, tmp_path):
    one, two = run("secret", "new").stdout, run("secret", "new").stdout
    assert one.startswith("pangea-secret-1.")
    assert one != two
    assert not (tmp_path / "state").exists()


def test_show_prints_the_secret_of_this_machine(run, tmp_path):
    from pangea.mesh.secret_ring import load_or_create

    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    ring = load_or_create(state / "secrets.json")
    assert run("secret", "show").stdout == f"{ring.current.text}\n"
    shown = json.loads(run("secret", "show", "-o", "json").stdout)
    assert shown == {"secret": ring.current.text}


def test_show_makes_no_secret_where_there_is_none(run, tmp_path):
    result = run("secret", "show")
    assert result.exit_code == 3
    assert "--state-dir" in result.stderr
    assert not (tmp_path / "state").exists()


def test_a_secret_that_others_may_read_is_78(run, tmp_path):
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    (state / "secrets.json").write_text("{}")
    os.chmod(state / "secrets.json", 0o644)
    assert stat.S_IMODE((state / "secrets.json").stat().st_mode) == 0o644
    assert run("secret", "show").exit_code == 78


def test_a_token_of_the_environment_that_is_none_is_usage(run, api, monkeypatch):
    monkeypatch.setenv("PANGEA_TOKEN", "a\nX-Evil: 1")
    assert run("status").exit_code == 2
    assert api.asked == []
