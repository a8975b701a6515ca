"""A worker goes by the newest roster, also after a restart and after its time."""

import pytest

from pangea.core.errors import ProtocolError
from pangea.mesh.roster import LIFE_S, SignedRoster
from tests.worker.mesh import Mesh

DAY_US = round(LIFE_S * 1e6)


@pytest.fixture
def mesh(tmp_path):
    return Mesh(tmp_path)


@pytest.fixture
def us(mesh):
    mesh.member("one"), mesh.member("two")
    return mesh.members


async def test_who_is_on_the_roster_as_a_worker_is_a_peer(mesh, us):
    one, two = us
    with pytest.raises(ProtocolError, match="not on the roster"):
        one.roster.check(two.key)
    await one.roster.take(mesh.signed())
    assert one.roster.check(two.key).name == "two"


async def test_who_is_on_the_roster_as_something_else_is_no_peer(mesh, us):
    one, two = us
    await one.roster.take(mesh.signed(two.node(role="coordinator")))
    with pytest.raises(ProtocolError, match="not on the roster as a worker"):
        one.roster.check(two.key)


async def test_a_forged_roster_changes_nothing(mesh, us):
    one, two = us
    kept = mesh.signed()
    await one.roster.take(kept)
    with pytest.raises(ProtocolError, match="has not signed"):
        await one.roster.take(mesh.signed(one, signer=two.identity))
    assert one.roster.signed == kept
    one.roster.check(two.key)


async def test_the_version_never_goes_down_not_even_after_a_restart(mesh, us):
    old, new = mesh.signed(), mesh.signed()
    await us[0].roster.take(new)
    again = mesh.member("one")
    assert again.roster.version == 2
    for member in (us[0], again):
        with pytest.raises(ProtocolError, match="old roster"):
            await member.roster.take(old)
    assert not await again.roster.take(new)


async def test_two_rosters_of_one_version_are_one_too_many(mesh, us):
    await us[0].roster.take(mesh.signed())
    with pytest.raises(ProtocolError, match="two rosters of version 1"):
        await us[0].roster.take(mesh.signed(us[0], version=1))


async def test_after_its_time_those_we_met_go_on_and_no_new_ones_come(mesh, us):
    one, two = us
    three = mesh.member("three")
    await one.roster.take(mesh.signed())
    await one.roster.met(two.key)
    assert not one.roster.stale
    one.ahead_us = DAY_US
    assert one.roster.stale
    one.roster.check(two.key)
    with pytest.raises(ProtocolError, match="stale"):
        one.roster.check(three.key)


async def test_whom_we_met_is_known_after_a_restart_in_a_stale_mesh(mesh, us):
    one, two = us
    three = mesh.member("three")
    await one.roster.take(mesh.signed())
    await one.roster.met(two.key)
    again = mesh.member("one")
    again.ahead_us = 2 * DAY_US
    assert again.roster.stale
    again.roster.check(two.key)
    with pytest.raises(ProtocolError, match="stale"):
        again.roster.check(three.key)


async def test_an_expired_roster_is_not_taken(mesh, us):
    us[0].ahead_us = DAY_US + 1_000_000
    with pytest.raises(ProtocolError, match="expired"):
        await us[0].roster.take(mesh.signed())
    assert us[0].roster.version == 0


async def test_whoever_leaves_the_roster_is_forgotten(mesh, us):
    one, two = us
    await one.roster.take(mesh.signed())
    await one.roster.met(two.key)
    await one.roster.take(mesh.signed(one))
    await one.roster.take(mesh.signed())
    one.ahead_us = DAY_US + 1_000_000
    with pytest.raises(ProtocolError, match="stale"):
        one.roster.check(two.key)


@pytest.mark.parametrize("content", [b"", b"rubbish", b"\x93\xc4\x01a\xc4\x01b\x90"])
async def test_a_damaged_file_is_no_roster_and_no_reason_to_stop(
    mesh, us, content, caplog
):
    path = mesh.place / "one" / "roster"
    path.write_bytes(content)
    path.chmod(0o600)
    again = mesh.member("one")
    assert again.roster.body is None
    assert "is not used" in caplog.text
    await again.roster.take(mesh.signed())
    assert again.roster.version == 1


async def test_a_file_of_another_coordinator_is_not_used(mesh, us, tmp_path):
    await us[0].roster.take(mesh.signed(signer=mesh.coordinator))
    other = tmp_path / "other"
    other.mkdir(mode=0o700)
    stranger = Mesh(other)
    stranger.place = mesh.place
    assert stranger.member("one").roster.body is None


async def test_a_roster_is_a_message_that_survives_the_wire(mesh, us):
    signed = mesh.signed()
    same = SignedRoster(bytes(bytearray(signed.body)), bytes(signed.signature))
    assert await us[0].roster.take(same)
    assert not await us[0].roster.take(signed)
