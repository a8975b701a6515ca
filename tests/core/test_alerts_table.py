import pytest

from pangea.core.errors import ConfigError
from pangea.core.layers import Layer, resolve


def of(*layers):
    return resolve([Layer(source, values) for source, values in layers]).config


def test_each_key_may_come_from_another_place():
    smtp = of(
        ("PANGEA_SMTP_HOST", {"smtp.host": "mx"}),
        ("PANGEA_SMTP_SENDER", {"smtp.sender": "Pangea <p@example.com>"}),
        ("pangea.toml", {"smtp.user": "u", "smtp.port": 25}),
    ).smtp
    assert (smtp.host, smtp.sender, smtp.port) == ("mx", "Pangea <p@example.com>", 25)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("alerts.allow", ["10.0.0.0/33"], "no address and no network"),
        ("alerts.exec", ["page"], "wanted a path from the root on"),
        ("alerts.proxy", "https://proxy:1", "wanted http://HOST:PORT"),
        ("smtp.host", "a b", "wanted a name or an address"),
        ("smtp.port", 65536, "wanted 1 to 65535"),
        ("smtp.tls", "ssl", "unknown 'ssl'"),
        ("smtp.sender", "a@b.c\r\nBcc: x@y.z", "no mail address"),
        ("smtp.tls_fingerprint", "AB:CD", "wanted 64 hexadecimal digits"),
    ],
)
def test_what_is_wrong_names_its_place(key, value, said):
    with pytest.raises(ConfigError) as caught:
        of(("pangea.toml", {key: value}))
    assert said in str(caught.value)
    assert str(caught.value).startswith("pangea.toml: ")
