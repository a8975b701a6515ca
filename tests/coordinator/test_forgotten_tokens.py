"""Join tokens that ended a month ago are forgotten, and open nothing for that."""

import pytest

from pangea.coordinator.join_tokens import KEPT_S, JoinTokens
from pangea.core.errors import NotAllowed
from pangea.storage import tokens as stored_tokens
from tests.coordinator.conftest import VAULT
from tests.coordinator.test_join_tokens import KEY, OTHER, desk, fresh

__all__ = ["desk"]


async def used(store, desk):
    token = await fresh(desk)
    held = desk.get(token.id)
    await store.write(lambda: desk.consume(held.stored, KEY))
    desk.consumed(held, KEY)
    return token


async def test_what_ended_long_ago_is_forgotten_and_what_is_open_is_not(store, desk):
    token, withdrawn = await used(store, desk), await fresh(desk)
    await desk.withdraw(1, withdrawn.id.hex())
    desk.clock.now += KEPT_S - 60.0
    late = await used(store, desk)
    still_open = await fresh(desk)
    assert len(await desk.listed(1)) == 4
    desk.clock.now += 3700.0
    left = {t.id for t in await desk.listed(1)}

    assert left == {late.id, still_open.id}
    assert desk.get(token.id) is None
    assert desk.get(late.id).stored.used_by == KEY
    assert desk.why_not(token.id) == "no such join token was made here"
    desk.clock.now -= KEPT_S
    for key in (KEY, OTHER):
        with pytest.raises(NotAllowed, match="no such"):
            await store.write(lambda key=key: stored_tokens.consume(token.id, key, 0))


async def test_a_start_forgets_as_well(store, desk):
    token = await used(store, desk)
    desk.clock.now += 2 * KEPT_S
    again = JoinTokens(store, VAULT, KEY, desk.clock)
    await again.load()

    assert again.get(token.id) is None
    assert await store.read(stored_tokens.all) == []
