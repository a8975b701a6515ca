"""Join tokens: each lets one node in, once, in time, and nothing revives it."""

import asyncio

import pytest
from msgspec.structs import replace

from pangea.coordinator.join_tokens import JoinTokens
from pangea.core.errors import (
    Conflict,
    LinkClosed,
    NotAllowed,
    NotFound,
    ProtocolError,
    UsageError,
)
from pangea.mesh.join_token import parse_token
from pangea.mesh.messages import Welcome
from pangea.mesh.refusal import Refused
from pangea.mesh.secret_ring import SecretRing
from pangea.storage import tokens as stored_tokens
from tests.coordinator.conftest import VAULT, World
from tests.coordinator.knocking import (
    ORG,
    come,
    id_of,
    is_refused,
    key_of,
    knock,
    listed,
    mint,
)
from tests.mesh.fakes import Stillness

RING = SecretRing.fresh(0)
KEY, OTHER = b"k" * 32, b"o" * 32


@pytest.fixture
async def world(store, tmp_path):
    """A coordinator at which a person approves, with a ring to hand out."""
    made = World(store, tmp_path, admission="approve", ring=lambda: RING.json)
    await made.start()
    yield made
    await made.close()


@pytest.fixture
async def desk(store):
    """The tokens of a coordinator whose clock a test moves."""
    clock = Stillness()
    made = JoinTokens(store, VAULT, KEY, clock)
    made.clock = clock
    return made


async def fresh(desk, **more):
    return await desk.mint(1, "ada", ["192.0.2.1:7464"], **more)


async def test_a_token_names_the_coordinator_and_brings_the_secrets(world):
    token = await mint(world, approve=True, site="fra")
    link, said = await come(world, "hel", token=token)
    worker = (await listed(world))["hel"]

    assert parse_token(token).coordinator_key == world.own.public_key
    assert said.status == "approved"
    assert SecretRing.parse(said.secrets) == RING
    assert (worker.trusted, worker.region) == (True, "fra")
    assert worker.approved_by == "a token of ada"
    assert link.kind == 1


async def test_who_has_the_secret_is_not_sent_it_again(store, tmp_path):
    made = World(store, tmp_path, ring=lambda: RING.json)
    await made.start()
    _, said = await come(made, "hel")
    await made.close()

    assert said.status == "approved"
    assert said.secrets == b""


async def test_another_node_cannot_use_it_again(world):
    token = await mint(world, approve=True)
    await come(world, "hel", token=token)

    with pytest.raises(Refused):
        await knock(world, "thief", token=token)  # not even the handshake succeeds
    assert set(await listed(world)) == {"hel"}


async def test_its_own_node_may_come_again_by_it(world):
    token = await mint(world, approve=True)
    link, _ = await come(world, "hel", token=token)
    await link.close()
    _, said = await come(world, "hel", token=token)

    assert said.status == "approved"


async def test_of_two_racers_one_wins(world):
    token = await mint(world, approve=True)
    # Both have passed the handshake before either is registered.
    links = await asyncio.gather(
        knock(world, "a", token=token), knock(world, "b", token=token)
    )
    said = await asyncio.gather(
        *(link.receive() for link in links), return_exceptions=True
    )

    won = [word for word in said if isinstance(word, Welcome)]
    lost = [word for word in said if isinstance(word, LinkClosed)]
    assert (len(won), len(lost)) == (1, 1)
    assert len(await listed(world)) == 1


async def test_racers_for_one_row_of_the_database_get_it_once(store, desk):
    token = await fresh(desk)
    held = desk.get(token.id).stored

    async def race(key):
        await store.write(lambda: desk.consume(held, key))

    done = await asyncio.gather(
        *(race(bytes([n]) * 32) for n in range(8)), return_exceptions=True
    )
    assert done.count(None) == 1
    assert all(isinstance(e, NotAllowed) for e in done if e is not None)


async def test_an_expired_token_opens_nothing(world, caplog):
    token = await mint(world, approve=True)
    held = world.coordinator.tokens._held
    (name,) = held
    over = replace(held[name].stored, expires_us=1)
    held[name] = replace(held[name], stored=over)

    assert await is_refused(world, "hel", token=token)
    assert "this join token has expired" in caplog.text
    assert await listed(world) == {}


async def test_a_token_that_expires_during_its_handshake_is_over(world, store):
    token = await mint(world, approve=True)
    name = parse_token(token).id
    await store.write(lambda: stored_tokens.close([name]))

    assert await is_refused(world, "hel", token=token)
    assert await listed(world) == {}


@pytest.mark.parametrize("back_s", [3600.0, 86400.0 * 365])
async def test_a_clock_set_back_revives_nothing(store, desk, back_s):
    expired, used = await fresh(desk, expires_s=60.0), await fresh(desk)
    held = desk.get(used.id)
    await store.write(lambda: desk.consume(held.stored, KEY))
    desk.consumed(held, KEY)
    desk.clock.now += 120.0
    assert desk.get(expired.id) is None
    await desk.expire()
    desk.clock.now -= back_s

    assert desk.get(expired.id) is None
    assert desk.get(used.id).stored.used_by == KEY
    again = JoinTokens(store, VAULT, KEY, desk.clock)
    await again.load()
    assert again.get(expired.id) is None
    with pytest.raises(NotAllowed, match="expired"):
        await store.write(lambda: stored_tokens.consume(expired.id, KEY, 0))
    with pytest.raises(NotAllowed, match="another node"):
        await store.write(lambda: stored_tokens.consume(used.id, OTHER, 0))


async def test_a_clock_that_stands_still_or_goes_back_prolongs_nothing(desk):
    class Stepped(Stillness):
        """Wall time goes back while the machine runs on."""

        def boot(self):
            return -self.now

    desk._clock = Stepped()
    token = await fresh(desk, expires_s=60.0)
    desk._clock.now -= 61.0

    assert desk.get(token.id) is None


async def test_a_token_that_was_used_in_the_last_moment_stays_its_nodes(store, desk):
    token = await fresh(desk, expires_s=60.0)
    held = desk.get(token.id)
    await store.write(lambda: desk.consume(held.stored, KEY))
    desk.clock.now += 61.0
    await desk.expire()  # before the commit is heard of
    desk.consumed(held, KEY)

    assert desk.get(token.id).stored.used_by == KEY
    assert (await store.read(stored_tokens.all))[0].state == "used"


async def test_tokens_outlive_a_restart_sealed(store, tmp_path, desk):
    token = await fresh(desk, approve=True, site="fra")
    again = JoinTokens(store, VAULT, KEY, desk.clock)
    await again.load()
    held = again.get(token.id)

    assert (held.proof, held.stored.approve, held.stored.site) == (
        token.proof,
        True,
        "fra",
    )
    for file in tmp_path.glob("pangea.db*"):
        assert token.proof not in file.read_bytes()
        assert token.secret not in file.read_bytes()


@pytest.mark.parametrize("expires_s", [0.0, 9.0, 86401.0, float("nan")])
async def test_a_token_lives_between_seconds_and_a_day(desk, expires_s):
    with pytest.raises(UsageError):
        await fresh(desk, expires_s=expires_s)


async def test_a_token_of_nobody_is_refused(world):
    made = await mint(world)
    world.coordinator.tokens._held.clear()

    assert await is_refused(world, "hel", token=made)


async def test_a_token_does_not_open_the_door_for_another_secret(world):
    token = parse_token(await mint(world, approve=True))
    with pytest.raises(ProtocolError):
        await come(world, "hel", secret=token.proof)


async def test_a_used_token_lets_nobody_back_in_who_was_removed(world):
    token = await mint(world, approve=True)
    link, _ = await come(world, "hel", token=token)
    await link.close()
    await asyncio.sleep(0.05)
    await world.members.remove(1, id_of(world, "hel"))
    _, said = await come(world, "hel", token=token)

    assert said.status == "pending", "its approval was for one use"


async def test_a_fresh_token_brings_a_worker_that_missed_a_rotation(world):
    first = await mint(world, approve=True)
    link, _ = await come(world, "hel", token=first)
    await link.close()
    second = await mint(world)
    _, said = await come(world, "hel", token=second)

    assert SecretRing.parse(said.secrets) == RING
    assert await is_refused(world, "other", token=second)
    assert key_of(world, "hel").public_key in [
        held.stored.used_by for held in world.coordinator.tokens._held.values()
    ]


async def test_what_became_of_each_token_is_told_without_its_secret(world):
    by_state = {}
    for state in ("open", "used", "withdrawn"):
        by_state[state] = await mint(world, approve=True)
    link, _ = await come(world, "hel", token=by_state["used"])
    gone = parse_token(by_state["withdrawn"]).id.hex()
    await world.members.withdraw(ORG, gone.upper())
    found = {t.state: t for t in await world.members.join_tokens(ORG)}

    assert {s: t.id for s, t in found.items()} == {
        state: parse_token(text).id.hex() for state, text in by_state.items()
    }
    assert (found["used"].worker, found["used"].used_by) == ("hel", id_of(world, "hel"))
    assert found["used"].used_at is not None
    assert found["open"].created_by == "ada"
    assert not await world.members.join_tokens(ORG + 1)
    for text in by_state.values():
        assert parse_token(text).secret.hex() not in repr(found)
    await link.close()


async def test_a_withdrawn_token_opens_nothing_also_after_a_restart(
    world, store, tmp_path
):
    token = await mint(world)
    await world.members.withdraw(ORG, parse_token(token).id.hex())
    assert await is_refused(world, "hel", token=token)
    again = JoinTokens(store, VAULT, world.own.public_key, world.coordinator.clock)
    await again.load()
    assert again.get(parse_token(token).id) is None


async def test_only_an_open_token_is_withdrawn(world, desk):
    used = await mint(world, approve=True)
    link, _ = await come(world, "hel", token=used)
    with pytest.raises(Conflict, match="used already"):
        await world.members.withdraw(ORG, parse_token(used).id.hex())
    with pytest.raises(NotFound):
        await world.members.withdraw(ORG, "00" * 8)
    opened = parse_token(await mint(world)).id.hex()
    with pytest.raises(NotFound):
        await world.members.withdraw(ORG + 1, opened)
    assert (await world.members.join_tokens(ORG))[-1].state == "open"
    await link.close()


async def test_a_token_that_is_withdrawn_during_its_handshake_is_over(desk):
    token = await fresh(desk)
    held = desk.get(token.id)
    await desk.withdraw(1, token.id.hex())
    with pytest.raises(NotAllowed, match="withdrawn"):
        await desk._store.write(lambda: desk.consume(held.stored, OTHER))
