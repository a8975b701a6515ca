"""`pangea config`: the layers, their order, and every fault with its file."""

import json

import pytest

from pangea.cli.session import Session
from pangea.cli.settings import file_faults, resolve


@pytest.fixture
def toml(tmp_path):
    """Write ./pangea.toml of the directory that `run` works in."""

    def write(text: str, name: str = "pangea.toml"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text)
        return path

    return write


def shown(run, *args):
    rows = json.loads(run("config", "show", "--sources", "--json", *args).stdout)
    return {row["key"]: (row["value"], row["source"]) for row in rows}


def test_each_layer_beats_the_next_and_is_named(run, toml, monkeypatch):
    toml('[node]\nname="here"\nregion="here"\n')
    toml('[node]\nname="user"\n[log]\nlevel="debug"\n', "config/pangea/pangea.toml")
    monkeypatch.setenv("PANGEA_NAME", "environment")
    found = shown(run)
    assert found["node.name"] == ("environment", "PANGEA_NAME")
    assert found["node.region"] == ("here", "pangea.toml")
    assert found["log.level"][0] == "debug"
    assert found["log.level"][1].endswith("config/pangea/pangea.toml")
    assert found["log.format"] == ("console", "default")


def test_a_named_file_is_the_only_one(run, toml):
    toml('[node]\nregion="here"\n')
    other = toml('[node]\nname="other"\n', "other.toml")
    found = shown(run, "--config", str(other))
    assert found["node.name"] == ("other", str(other))
    assert found["node.region"] == ("", "default")


def test_a_named_file_that_is_not_there_is_78(run):
    result = run("config", "show", "--config", "nowhere.toml")
    assert result.exit_code == 78
    assert "nowhere.toml: no such file" in result.stderr


def test_the_state_dir_flag_says_where_it_is_from(run):
    assert shown(run, "--state-dir", "/x")["storage.state_dir"] == (
        "/x",
        "command line",
    )
    assert shown(run)["storage.state_dir"][1] == "PANGEA_STATE_DIR"


def test_show_is_a_file_that_means_the_same(run, toml, tmp_path):
    toml('[node.tags]\n"a.b"="1"\n[defaults.interval]\nhttp="5s"\n')
    (tmp_path / "again.toml").write_text(run("config", "show").stdout)
    again = shown(run, "--config", "again.toml")
    assert again['node.tags."a.b"'] == ("1", "again.toml")
    assert again["defaults.interval.http"] == ("5s", "again.toml")


def test_check_tells_every_fault_at_once_with_its_file(run, toml):
    toml('[sever]\n[node]\nrolle="x"\nrole="boss"\n[server]\nlisten="x"\n')
    result = run("config", "check")
    assert result.exit_code == 78
    assert result.stdout == ""
    assert result.stderr.count("error: pangea.toml: ") == 4
    assert "  try: server\n" in result.stderr
    assert "  try: role\n" in result.stderr


def test_check_of_a_good_file_is_ok(run, toml):
    toml('[node]\nname="n"\n', "good.toml")
    result = run("config", "check", "good.toml")
    assert (result.exit_code, result.stdout) == (0, "good.toml: ok\n")


@pytest.mark.parametrize(
    "raw",
    [b"[node", b"\xff\xfe", b"a = " + b"9" * 2_000_000],
    ids=["toml", "utf", "big"],
)
def test_a_file_that_is_no_toml_is_one_clear_fault(tmp_path, raw):
    path = tmp_path / "x.toml"
    path.write_bytes(raw)
    (fault,) = file_faults(path)
    assert str(fault).startswith(str(path))


def test_an_interval_for_an_unknown_type_names_the_right_one(run, toml):
    toml('[defaults.interval]\nhtttp="5s"\n')
    result = run("config", "check")
    assert result.exit_code == 78
    assert "htttp" in result.stderr


def test_a_wrong_variable_is_named(run, monkeypatch):
    monkeypatch.setenv("PANGEA_ROLE", "boss")
    result = run("config", "show")
    assert result.exit_code == 78
    assert "PANGEA_ROLE: node: role: unknown 'boss'" in result.stderr


def test_variables_of_lists_tags_and_switches(run, monkeypatch):
    monkeypatch.setenv("PANGEA_TAG", "rack=4,site=b")
    monkeypatch.setenv("PANGEA_JOIN", "a:1,b:2")
    monkeypatch.setenv("PANGEA_DISCOVERY", "static")
    monkeypatch.setenv("PANGEA_NO_LOCAL_WORKER", "1")
    monkeypatch.setenv("PANGEA_LOCATION", "-33.9,151.2")
    config = resolve(Session()).config
    assert config.node.tags == {"rack": "4", "site": "b"}
    assert config.mesh.join == ("a:1", "b:2")
    assert config.mesh.discovery == ("static",)
    assert config.worker.local is False
    assert config.node.location == (-33.9, 151.2)


def test_access_codes_come_by_variable_or_file_and_are_never_shown(
    run, tmp_path, monkeypatch
):
    code = "$argon2id$v=19$m=65536,t=2,p=1$abc$def"
    monkeypatch.setenv("PANGEA_ACCOUNT_CODES", code)
    assert resolve(Session()).config.account_codes == (code,)
    assert code not in run("config", "show").stdout
    (tmp_path / "codes").write_text(f"# ours\n{code}\n\nother\n")
    monkeypatch.setenv("PANGEA_ACCOUNT_CODES", f"@{tmp_path / 'codes'}")
    assert resolve(Session()).config.account_codes == (code, "other")
    assert code not in run("config", "show", "--sources").stdout


def test_a_file_of_access_codes_that_is_not_there_is_78(run, monkeypatch):
    monkeypatch.setenv("PANGEA_ACCOUNT_CODES", "@nowhere")
    result = run("config", "show")
    assert result.exit_code == 78
    assert "nowhere" in result.stderr
