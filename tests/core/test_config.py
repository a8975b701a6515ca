"""The configuration: strict shapes, layers that add up, sources that are kept."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.config import NodeConfig, parse_listen
from pangea.core.durations import Seconds
from pangea.core.errors import ConfigError
from pangea.core.layers import (
    Layer,
    flatten,
    read_layer,
    resolve,
    table_faults,
    unflatten,
)

LEAVES = st.integers() | st.text(max_size=5)
TABLES = st.dictionaries(
    st.text(max_size=8),
    st.recursive(
        LEAVES,
        lambda inner: st.dictionaries(st.text(max_size=8), inner, min_size=1),
        max_leaves=6,
    ),
    max_size=4,
)


def layer(text: str, source: str = "file") -> Layer:
    return read_layer(tomllib.loads(text), source)


def test_the_defaults_are_those_of_the_design():
    config = NodeConfig()
    assert config.node.role == "coordinator"
    assert config.listen == ("0.0.0.0", 7464)
    assert not config.listen_given
    assert config.server.session == 7 * 86400
    assert config.mesh.discovery == ("mdns", "dns", "static")
    assert config.defaults.timeout == 10
    assert config.worker.local


def test_an_earlier_layer_beats_a_later_one_key_by_key():
    strong = layer('[node]\nname="a"\ntags={rack="1"}\n', "strong")
    weak = layer('[node]\nname="b"\nregion="r"\ntags={rack="2",x="3"}\n', "weak")
    resolved = resolve([strong, weak])
    assert resolved.config.node.name == "a"
    assert resolved.config.node.region == "r"
    assert resolved.config.node.tags == {"rack": "1", "x": "3"}
    assert resolved.sources == {
        "node.name": "strong",
        "node.tags.rack": "strong",
        "node.region": "weak",
        "node.tags.x": "weak",
    }


def test_lists_replace_each_other_whole():
    resolved = resolve(
        [layer('[mesh]\njoin=["a"]\n'), layer('[mesh]\njoin=["b","c"]\n')]
    )
    assert resolved.config.mesh.join == ("a",)


def test_durations_are_read_from_text_and_shown_as_text_that_means_the_same():
    resolved = resolve([layer('[server]\nsession="25h1m1s"\n')])
    assert resolved.config.server.session == Seconds(90061)
    (shown,) = [value for key, value, _ in resolved.rows() if key == "server.session"]
    assert resolve([Layer("again", {"server.session": shown})]).config == (
        resolved.config
    )


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("[sever]\n", "p.toml: unknown 'sever'", "did you mean 'server'?"),
        ("role=1\n", "p.toml: unknown 'role'", ""),
        ("[node]\nrolle=1\n", "p.toml: node: unknown 'rolle'", "did you mean 'role'?"),
        ('[node]\nrole="x"\n', "p.toml: node: role: unknown 'x'", "known are"),
        ("node=3\n", "p.toml: node: wanted a table", ""),
        ('[node]\nname="a b"\n', "p.toml: node: name: 'a b'", ""),
        ("[node]\nlocation=[91,0]\n", "p.toml: node: location: 91,0 is not", ""),
        ("[node]\nlocation=[nan,0]\n", "p.toml: node: location: nan,0 is not", ""),
        ("[node]\ntags={a=1}\n", "p.toml: node: tags: wanted text", ""),
        ('[server]\nlisten="7464"\n', "p.toml: server: listen: wanted HOST:PORT", ""),
        ('[server]\nsession="5s"\n', "p.toml: server: session: wanted at least", ""),
        ('[defaults.interval]\nhttp="0s"\n', "p.toml: defaults: interval.http: ", ""),
        ('[defaults]\ntimeout="-1s"\n', "p.toml: defaults: timeout", ""),
        ('[storage]\ndatabase="mysql://x"\n', "p.toml: storage: database: mysql", ""),
        ('[mesh]\ndiscovery=["mnds"]\n', "p.toml: mesh: discovery", "did you mean"),
        ('[worker]\nlocal="perhaps"\n', "p.toml: worker: local: wanted true or", ""),
    ],
)
def test_a_fault_names_its_file_its_key_and_the_way_out(text, said, hint):
    with pytest.raises(ConfigError) as caught:
        layer(text, "p.toml")
    assert str(caught.value).startswith(said)
    assert caught.value.hint.startswith(hint)


def test_all_faults_of_a_file_are_told():
    table = tomllib.loads('[a]\n[node]\nb=1\nrole="c"\n[log]\nlevel="d"\n')
    assert len(list(table_faults(table, "f"))) == 4


def test_a_fault_of_any_layer_names_that_layer():
    with pytest.raises(ConfigError, match="PANGEA_ROLE: node: role"):
        resolve([layer(""), Layer("PANGEA_ROLE", {"node.role": "boss"})])


def test_secrets_are_masked_where_they_are_shown():
    resolved = resolve([Layer("x", {"accounts.codes": ["code-1"]})])
    assert resolved.config.account_codes == ("code-1",)
    assert "code-1" not in repr(resolved.rows())


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:80", ("127.0.0.1", 80)),
        ("[::1]:7464", ("::1", 7464)),
        (":0", ("0.0.0.0", 0)),
        ("host.example:65535", ("host.example", 65535)),
    ],
)
def test_addresses_to_listen_on(text, address):
    assert parse_listen(text) == address


@pytest.mark.parametrize(
    "text", ["", "80", "::1", "::1:80", "h:", "h:65536", "h:-1", "h:٣", "a b:1", "h:1 "]
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ValueError, match="listen"):
        parse_listen(text)


@pytest.mark.parametrize(
    ("database", "path"),
    [
        ("", "/s/pangea.db"),
        ("x.db", "x.db"),
        ("/var/x.db", "/var/x.db"),
        ("sqlite:///x.db", "x.db"),
        ("sqlite:////var/x.db", "/var/x.db"),
    ],
)
def test_the_database_is_a_path_or_a_url(database, path):
    given = {"storage.database": database, "storage.state_dir": "/s/"}
    assert resolve([Layer("x", given)]).config.database == path


@given(TABLES)
def test_flat_paths_mean_the_tables_they_were_made_of(table):
    full = {k: v for k, v in table.items() if v != {}}
    assert unflatten(flatten(full)) == full


@given(TABLES)
def test_a_foreign_table_is_refused_in_words_never_by_a_crash(table):
    found = list(table_faults(table, "f"))
    assert bool(found) == (not set(table) <= set(NodeConfig.__struct_fields__))
    assert all(str(fault).startswith("f: ") for fault in found)
