"""What the console says at the start."""

from pathlib import Path

from pangea.coordinator.greeting import greeting, join_lines, urls
from pangea.coordinator.tls import places_of
from pangea.core.config import MeshTable, NodeConfig, ServerTable

STATIC = NodeConfig(mesh=MeshTable(discovery=("static",)))


def test_only_addresses_that_are_listened_on_are_named():
    everywhere = urls("0.0.0.0", 7464)

    assert everywhere[0] == "http://127.0.0.1:7464"
    assert not any("[" in url for url in everywhere)
    assert urls("127.0.0.1", 80) == ["http://127.0.0.1:80"]
    assert urls("::1", 80) == ["http://[::1]:80"]


def test_the_first_start_shows_the_code_and_how_to_join():
    text = greeting(STATIC, Path(".pangea"), ["http://127.0.0.1:7464"], "ABCD-EFGH")

    assert "ABCD-EFGH" in text
    assert "  first     pangea --state-dir .pangea job add http" in text
    assert "--join" not in text, "no other machine gets there"
    assert "other machines cannot reach loopback" in text
    assert "--listen 0.0.0.0:7464" in text
    assert "unencrypted" not in text


def test_a_later_start_has_no_code_and_plain_http_is_said():
    places = ["http://127.0.0.1:7464", "http://192.0.2.7:7464"]
    text = greeting(NodeConfig(), Path("."), places, None, watches=True)

    assert "  next      pangea --state-dir . status" in text
    assert "job add" not in text, "there are jobs"
    assert "with your access code" in text
    assert "--join 192.0.2.7:7464" in text
    assert text.index("worker token") < text.index("secret show")
    assert "--join may be left out" in text
    assert "unencrypted" in text


def test_the_commands_for_a_worker_work_from_anywhere_and_name_an_address_afar():
    places = ["http://127.0.0.1:80", "http://[2001:db8::7]:80", "http://192.0.2.7:80"]
    ways = join_lines(Path("my state"), places)
    here, there = ways.secret

    folder = Path("my state").absolute()
    assert not ways.only_here
    assert ways.token[0] == f"pangea --state-dir '{folder}' worker token"
    assert here == f"pangea --state-dir '{folder}' secret show > pangea.secret"
    assert there.endswith("--secret-file pangea.secret --join '[2001:db8::7]:80'")
    text = greeting(STATIC, Path("my state"), places, None)
    for command in ways.token + ways.secret:
        assert command in text


def test_in_public_a_worker_joins_by_token_and_the_certificate_is_told():
    server = ServerTable(tls="auto", public=True)
    config = NodeConfig(server=server, mesh=MeshTable(discovery=()))
    places = ["https://127.0.0.1:7464", "https://192.0.2.7:7464"]
    text = greeting(config, Path("."), places, None, "AB:CD")

    assert "SHA-256 AB:CD" in text
    assert "worker token" in text
    assert "--join TOKEN" in text
    assert "secret" not in text
    assert "unencrypted" not in text


def test_what_listens_on_loopback_alone_is_known_as_that():
    for place in ("http://127.0.0.1:7464", "http://[::1]:7464"):
        assert join_lines(Path("."), [place]).only_here
    # In public a proxy may stand before it.
    behind = join_lines(Path("."), ["http://127.0.0.1:80"], public=True)
    assert (behind.only_here, behind.secret) == (False, [])


def test_a_given_name_is_told_before_the_addresses():
    config = NodeConfig(server=ServerTable(url="https://mon.example.net/"))
    assert places_of(config, None, "127.0.0.1", 80) == [
        "http://127.0.0.1:80",
        "https://mon.example.net",
    ]
    hidden = ServerTable(public=True, tls_proxies=("10.0.0.1",))
    assert places_of(NodeConfig(server=hidden), None, "0.0.0.0", 80) == [
        "http://127.0.0.1:80"
    ]
