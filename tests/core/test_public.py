import pytest

from pangea.core.errors import ConfigError
from pangea.core.layers import Layer, resolve
from pangea.core.public import for_public


def public(**values):
    given = {path.replace("__", "."): value for path, value in values.items()}
    return for_public(resolve([Layer("test", {"server.public": True, **given})]))


@pytest.mark.parametrize(
    "tls",
    [
        {"server__tls": "auto"},
        {"server__tls_cert": "c.pem", "server__tls_key": "k.pem"},
        {"server__tls_proxies": ["10.0.0.0/8"]},
    ],
)
def test_public_with_tls_of_any_kind_is_quiet_on_the_link(tls):
    assert "mdns" not in public(**tls).mesh.discovery


def test_the_secret_alone_lets_nobody_in_from_the_internet():
    assert public(server__tls="auto").mesh.admission == "approve"


def test_what_is_not_public_keeps_its_discovery():
    config = for_public(resolve([Layer("test", {"server.tls": "auto"})]))
    assert "mdns" in config.mesh.discovery


@pytest.mark.parametrize(
    ("given", "words", "way_out"),
    [
        ({}, "needs TLS", "--tls-cert F --tls-key F"),
        ({"server__tls": "off"}, "needs TLS", "--tls-proxy"),
        (
            {"server__tls": "auto", "node__role": "worker"},
            "for a coordinator",
            "leave out --public",
        ),
        (
            {"server__tls": "auto", "mesh__admission": "secret"},
            "admission secret of test",
            "pangea worker token",
        ),
        (
            {"server__tls": "auto", "mesh__discovery": ["mdns", "static"]},
            "mdns of test",
            "--discovery static",
        ),
    ],
)
def test_each_contradiction_says_what_to_do(given, words, way_out):
    with pytest.raises(ConfigError, match=words) as error:
        public(**given)
    assert way_out in error.value.hint
    assert error.value.exit_code == 78


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"server.tls_cert": "c.pem"}, "both files or neither"),
        ({"server.tls_key": "k.pem"}, "both files or neither"),
        (
            {"server.tls": "off", "server.tls_cert": "c", "server.tls_key": "k"},
            "leave one out",
        ),
        ({"server.tls_proxies": ["mon.example.net"]}, "no address and no network"),
        ({"server.tls": "on"}, "tls"),
        ({"server.url": "mon.example.net"}, "wanted https://HOST"),
        ({"server.url": "https://a/path"}, "wanted https://HOST"),
        ({"server.url": "https://a\n"}, "wanted https://HOST"),
    ],
)
def test_what_makes_no_sense_by_itself_is_refused(values, words):
    with pytest.raises(ConfigError, match=words):
        resolve([Layer("test", values)])
