"""Each thing that keeps a node from joining has its row, and says what to do."""

import json
import os
import socket
import time

import pytest
from aiohttp import web

from pangea.core.config import MeshTable, NodeConfig, NodeTable, ServerTable
from pangea.doctor import links, machine
from pangea.doctor.patient import examined
from pangea.doctor.port import port
from pangea.doctor.reach import compared, reach
from pangea.doctor.round import examine
from pangea.mesh import last_good, rotation
from pangea.mesh.identity import load_or_create, node_id
from pangea.mesh.join_token import JoinToken
from pangea.mesh.last_good import LastGood
from pangea.mesh.messages import Welcome
from pangea.mesh.secret_ring import Secret, SecretRing, save, secret_id
from tests.worker.stub import SECRET, StubCoordinator


@pytest.fixture
async def stub(tmp_path):
    async def serve(link):
        await link.send(Welcome("approved", b"", 1, "w", {}))

    stub = await StubCoordinator(tmp_path / "far", serve).start()
    yield stub
    await stub.stop()


def ring_of(secret):
    return SecretRing((Secret(id=secret_id(secret), key=secret.hex(), created=0),))


def a_worker(place, *join, ring=None, **server):
    """Return a worker whose state directory holds *ring*, that of the stub."""
    state = place / "state"
    save(state / "secrets.json", ring or ring_of(SECRET))
    return examined(
        NodeConfig(
            node=NodeTable(role="worker"),
            mesh=MeshTable(join=join, discovery=("static",)),
            server=ServerTable(**server),
        ),
        state,
    )


def levels(rows):
    return [row.level for row in rows]


# the coordinator


async def test_a_coordinator_that_takes_the_secret_is_named(tmp_path, stub):
    rows = await reach(a_worker(tmp_path, f"127.0.0.1:{stub.port}"))
    assert rows[0].level == "ok"
    key = load_or_create(tmp_path / "far" / "coordinator.key")
    assert key.id in rows[0].found
    assert "not trusted before" in rows[0].found


async def test_looking_makes_no_link(tmp_path, stub):
    await reach(a_worker(tmp_path, f"127.0.0.1:{stub.port}"))
    assert stub.links == 0


async def test_a_wrong_secret_is_told_from_all_other_causes(tmp_path, stub):
    ring = SecretRing.fresh(0)
    (row,) = await reach(a_worker(tmp_path, f"127.0.0.1:{stub.port}", ring=ring))
    assert row.level == "fail"
    assert "does not take our secret" in row.found
    assert ring.current.id in row.found
    assert "rotate status" in row.next


async def test_another_coordinator_than_the_trusted_one_is_noticed(tmp_path, stub):
    last_good.save(tmp_path / "state" / "last-good.json", LastGood("ab" * 32))
    rows = await reach(a_worker(tmp_path, f"127.0.0.1:{stub.port}"))
    assert rows[0].level == "fail"
    assert "another coordinator" in rows[0].found
    assert node_id(bytes.fromhex("ab" * 32)) in rows[0].found


async def test_a_missed_rotation_is_told(tmp_path, stub):
    started = rotation.used(rotation.started(ring_of(SECRET), 1))
    rows = await reach(a_worker(tmp_path, f"127.0.0.1:{stub.port}", ring=started))
    assert rows[0].level == "warn"
    assert "another secret of our ring" in rows[0].found


async def test_without_a_secret_it_is_still_seen_whether_a_mesh_answers(tmp_path, stub):
    address = f"127.0.0.1:{stub.port}"
    config = NodeConfig(mesh=MeshTable(join=(address,)), node=NodeTable(role="worker"))
    (row,) = await reach(examined(config, tmp_path / "state"))
    assert (row.level, "mesh answers" in row.found) == ("ok", True)


async def test_nobody_at_the_address(tmp_path):
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        (row,) = await reach(a_worker(tmp_path, f"127.0.0.1:{sock.getsockname()[1]}"))
    assert row.level == "fail"
    assert "refused" in row.found
    assert "firewall" in row.next


async def test_somebody_elses_port(tmp_path):
    runner = web.AppRunner(web.Application())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address = f"127.0.0.1:{runner.addresses[0][1]}"
    (row,) = await reach(a_worker(tmp_path, address))
    await runner.cleanup()
    assert row.level == "fail"
    assert "is that a Pangea port" in row.found


# the machine


def test_a_file_that_others_may_read_fails_and_says_how_to_mend_it(tmp_path):
    patient = a_worker(tmp_path)
    (patient.state_dir / "secrets.json").chmod(0o644)
    rows = {row.check: row for row in machine.state_directory(patient)}
    assert rows["secrets.json"].level == "fail"
    assert "chmod 600" in rows["secrets.json"].next


def test_a_state_directory_open_to_others_is_a_warning(tmp_path):
    patient = a_worker(tmp_path)
    patient.state_dir.chmod(0o755)
    row = next(machine.state_directory(patient))
    assert (row.level, "chmod 700" in row.next) == ("warn", True)


def test_a_secret_that_was_not_copied_whole_fails(tmp_path):
    given = tmp_path / "given"
    given.write_text(SecretRing.fresh(0).current.text[:-1] + "?")
    config = NodeConfig(mesh=MeshTable(secret_file=str(given)))
    (row,) = machine.secret(examined(config, tmp_path / "state"))
    assert row.level == "fail"


def test_the_id_of_the_secret_is_shown_and_never_the_secret(tmp_path):
    patient = a_worker(tmp_path)
    (row,) = machine.secret(patient)
    assert patient.ring.current.id in row.found
    assert patient.ring.current.key not in repr(row)


def test_a_clock_before_the_files_is_a_warning(tmp_path):
    patient = a_worker(tmp_path)
    later = time.time() + 86_400
    os.utime(patient.state_dir / "secrets.json", (later, later))
    assert levels(machine.clock(patient)) == ["warn"]


def test_a_machine_that_is_well_has_no_faults(tmp_path):
    patient = a_worker(tmp_path)
    for check in (machine.clock, machine.room, machine.open_files, machine.ipv6):
        assert "fail" not in levels(check(patient))


def test_a_taken_port_names_who_has_it(tmp_path):
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        where = f"127.0.0.1:{sock.getsockname()[1]}"
        (row,) = port(a_worker(tmp_path, listen=where))
        assert row.level in ("fail", "ok")
        assert f"process {os.getpid()}" in row.found
    (row,) = port(a_worker(tmp_path, listen=where))
    assert row.level == "ok"


# the link


class Lost:
    """A group to which one sends, and of which nothing is heard."""

    family, name = socket.AF_INET, "IPv4"

    def __init__(self, to):
        self.to = to

    def listen(self, sock):
        sock.bind(("127.0.0.1", 0))

    def aim(self, sock):
        pass


class Heard(Lost):
    """A group on loopback: what is sent there comes back."""

    def listen(self, sock):
        super().listen(sock)
        self.to = sock.getsockname()


def test_a_question_that_does_not_come_back_is_a_firewall():
    with socket.socket(type=socket.SOCK_DGRAM) as elsewhere:
        elsewhere.bind(("127.0.0.1", 0))
        row = links.echo("eth0", Lost(elsewhere.getsockname()), 0.1)
    assert (row.level, row.check) == ("fail", "mDNS eth0 IPv4")
    assert "firewall" in row.next


def test_a_question_that_is_heard_is_well():
    assert links.echo("eth0", Heard(None)).level == "ok"


def test_a_question_that_cannot_be_sent_says_why():
    row = links.echo("eth0", Lost(("127.0.0.1", 0)))
    assert (row.level, "cannot send" in row.found) == ("fail", True)


# all together


async def test_with_discovery_static_nothing_leaves_the_machine(tmp_path, stub):
    patient = a_worker(tmp_path, f"127.0.0.1:{stub.port}")
    rows = await examine(patient.config, patient.state_dir)
    found = {row.check: row.level for row in rows}
    for check in ("mDNS", "coordinators on the link", "DNS"):
        assert found[check] == "skipped"
    # That nothing was sent is seen to by the guard around every test.


async def test_looking_writes_nothing(tmp_path):
    config = NodeConfig(mesh=MeshTable(discovery=("static",)))
    await examine(config, tmp_path / "none")
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_it_in_lines_and_in_json(tmp_path, monkeypatch):
    from click.testing import CliRunner

    from pangea.cli.main import root

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PANGEA_DISCOVERY", "static")
    patient = a_worker(tmp_path)
    words = ["--state-dir", str(patient.state_dir), "doctor", "--role", "worker"]
    words += ["--listen", "127.0.0.1:0"]
    ran = CliRunner().invoke(root, words)
    assert ran.exit_code == 0
    assert "SKIPPED" in ran.stdout
    (patient.state_dir / "secrets.json").chmod(0o644)
    ran = CliRunner().invoke(root, [*words, "--json"])
    assert ran.exit_code == 1
    rows = json.loads(ran.stdout)
    assert {"level", "check", "found", "next"} == set(rows[0])
    assert "fail" in {row["level"] for row in rows}


# where `run` would fail


def a_bare_worker(place, *join, listen=""):
    config = NodeConfig(
        node=NodeTable(role="worker"),
        mesh=MeshTable(join=join, discovery=("static",)),
        server=ServerTable(listen=listen),
    )
    return examined(config, place / "bare")


def test_a_worker_without_a_secret_or_token_fails(tmp_path):
    (row,) = machine.secret(a_bare_worker(tmp_path))
    assert (row.level, "pangea worker token" in row.next) == ("fail", True)
    token = JoinToken.fresh(b"k" * 32, time.time() + 60, ["10.0.0.5"]).text
    assert levels(machine.secret(a_bare_worker(tmp_path, token))) == ["ok"]


async def test_a_worker_without_a_way_to_anybody_fails(tmp_path):
    (row,) = await reach(a_bare_worker(tmp_path))
    assert (row.level, "--join" in row.next) == ("fail", True)
    assert levels(await reach(a_bare_worker(tmp_path, listen="127.0.0.1:1"))) == [
        "skipped"
    ]


def test_a_given_port_that_another_node_has_fails_and_our_own_does_not(tmp_path):
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        where = f"127.0.0.1:{sock.getsockname()[1]}"
        patient = a_worker(tmp_path, listen=where)
        assert levels(port(patient)) == ["fail"]
        with open(patient.state_dir / "lock", "w", encoding="ascii"):
            (row,) = port(patient)
    assert (row.level, "held by this node" in row.found) == ("ok", True)


@pytest.mark.parametrize(
    ("ahead_s", "level", "words"),
    [
        (10_800.2, "fail", "3h ahead of the coordinator"),
        (-60.0, "warn", "1m behind the coordinator"),
        (0.4, "ok", "as that of the coordinator"),
    ],
)
def test_the_clock_is_compared_in_words(ahead_s, level, words):
    row = compared(ahead_s)
    assert (row.level, words in row.found) == (level, True)


async def test_what_a_knock_cannot_tell_is_said(tmp_path, stub):
    patient = a_worker(tmp_path, f"127.0.0.1:{stub.port}")
    assert "is decided there" in (await reach(patient))[0].found
    own = load_or_create(patient.state_dir / "node.key").id
    assert f"pangea worker show {own}" in (await reach(patient))[0].found


def test_it_takes_the_options_of_run(tmp_path, monkeypatch):
    from click.testing import CliRunner

    from pangea.cli.main import root

    monkeypatch.chdir(tmp_path)
    words = ["--state-dir", str(tmp_path / "s"), "doctor", "--discovery", "static"]
    words += ["--public", "--tls", "auto", "--listen", "127.0.0.1:0", "--name", "hq"]
    ran = CliRunner().invoke(root, words)
    assert ran.exit_code == 0, ran.output


def test_a_worker_that_listens_nowhere_needs_no_port(tmp_path):
    (row,) = port(a_worker(tmp_path, listen="off"))
    assert (row.level, "listens nowhere" in row.found) == ("skipped", True)
