"""Which coordinator a command talks to, and with whose token."""

import pytest

from pangea.cli.session import DEFAULT_SERVER, Session, is_loopback
from pangea.state_dir import note_url

HERE = "http://127.0.0.1:8123"
FAR = ["https://pangea.example", "http://192.0.2.7:7464", "http://[::ffff:192.0.2.7]"]


@pytest.fixture
def state(tmp_path, monkeypatch):
    """A state directory as a coordinator leaves it, and nobody's settings."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    path = tmp_path / "state"
    note_url(path, HERE)
    (path / "admin.token").write_text("pgt_admin_of_here\n")
    return path


def test_the_coordinator_of_the_state_directory_is_asked(state):
    session = Session(state_dir=str(state))
    assert session.url == HERE
    assert session.token()[0] == "pgt_admin_of_here"
    assert session.client().server == HERE


def test_the_state_directory_of_make_run_is_found_without_being_named(
    state, monkeypatch
):
    monkeypatch.setattr("os.geteuid", lambda: 4711)
    state.rename(state.with_name(".pangea"))
    assert Session().url == HERE


def test_a_server_that_is_named_comes_first(state):
    session = Session(server="http://127.0.0.1:9", state_dir=str(state))
    assert session.url == "http://127.0.0.1:9"


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"\n",
        b"\xff\xfe\x00\n",
        b"nonsense\n",
        b"file:///etc/passwd\n",
        b"http://\n",
        b"http://127.0.0.1:99999\n",
        b"http://127.0.0.1:\x1b[31m\n",
        b"http://[::1\n",
        b"http://127.0.0.1:81",  # the rest is missing
        b"http://127.0.0.1:8123/" + b"x" * 1000 + b"\n",
    ],
)
def test_a_file_that_is_missing_or_damaged_means_the_default(state, content):
    (state / "url").unlink()
    if content is not None:
        (state / "url").write_bytes(content)
    session = Session(state_dir=str(state))
    assert session.url == DEFAULT_SERVER == "http://127.0.0.1:7464"
    assert session.client().server == DEFAULT_SERVER


def test_a_directory_that_is_not_there_means_the_default(state):
    assert Session(state_dir=str(state / "none")).url == DEFAULT_SERVER


@pytest.mark.parametrize("server", FAR)
@pytest.mark.parametrize("named", [True, False], ids=["--state-dir", "found"])
def test_the_token_of_this_machine_is_never_sent_to_another(state, server, named):
    state.rename(state.with_name(".pangea"))
    folder = str(state.with_name(".pangea")) if named else ""
    token, looked = Session(server=server, state_dir=folder).token()
    assert token == ""
    assert "--token-file" in looked


@pytest.mark.parametrize("server", FAR)
def test_a_token_that_is_given_is_sent_wherever_it_is_meant_for(state, server):
    given = state / "admin.token"
    assert Session(server=server, token_file=str(given)).token()[0]


@pytest.mark.parametrize(
    "server", ["http://127.0.0.1:7464", "http://localhost:1", "http://[::1]:7464"]
)
def test_a_server_on_loopback_is_this_machine(state, server):
    assert is_loopback(server)
    assert Session(server=server, state_dir=str(state)).token()[0]


@pytest.mark.parametrize(
    "server",
    [*FAR, "http://localhost.example", "http://127.0.0.1.example", "http://x@y:z", ""],
)
def test_what_only_looks_like_loopback_is_not(server):
    assert not is_loopback(server)
