import pytest

from pangea.core.mail_address import parse_mail_address


@pytest.mark.parametrize(
    ("text", "spec", "name"),
    [
        ("ops@example.com", "ops@example.com", ""),
        (" o'neil+x@mail.example.co.uk ", "o'neil+x@mail.example.co.uk", ""),
        ("Ann Ü <ann@example.com>", "ann@example.com", "Ann Ü"),
        ("root@localhost", "root@localhost", ""),
        ("x@[192.0.2.1]", "x@[192.0.2.1]", ""),
    ],
)
def test_an_address_is_read(text, spec, name):
    found = parse_mail_address(text, "to")
    assert (found.spec, found.name) == (spec, name)
    assert found.host == spec.split("@")[1]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ops",
        "ops@",
        "@example.com",
        "a b@example.com",
        "ops@example.com\r\nBcc: all@example.com",
        "ops@example.com>, <x@y.z",
        "X\r\nBcc: y@z.a <ops@example.com>",
        'X" <y@z.a>, "Z <ops@example.com>',
        "<ops@example.com>",
        "a..b@example.com",
        "ops@example..com",
        "ops@exa_mple.com",
        "ops@-example.com\0",
        "a" * 65 + "@example.com",
        "öps@example.com",
    ],
)
def test_what_is_no_address_travels_in_no_header(text):
    with pytest.raises(ValueError, match=r"^to: ") as caught:
        parse_mail_address(text, "to")
    assert "\n" not in str(caught.value)
