import pytest

from pangea.storage.database import Store
from pangea.web.accounts import Session
from pangea.web.stored_accounts import StoredAccounts
from tests.web.memory import MemoryAccounts


@pytest.fixture(params=["stored", "memory"])
async def accounts(request, tmp_path):
    """The real ones, and those of the tests: both must keep the same promises."""
    if request.param == "memory":
        yield MemoryAccounts()
        return
    store = await Store.open(tmp_path / "pangea.db")
    yield StoredAccounts(store)
    await store.close()


def session_of(account, hash_=b"h" * 32, created=1000.0):
    return Session(
        hash=hash_,
        account=account,
        org=1,
        created=created,
        last_seen=created,
        expires=created + 100,
        ip="127.0.0.1",
        agent="a browser",
    )


async def test_accounts_are_found_by_prefix_and_id(accounts):
    await accounts.put(1, "ann", "admin", "given", "hash-a")
    await accounts.put(1, "bob", "viewer", "ABCD", "hash-b")
    (ann,) = await accounts.by_prefix("given")
    assert (ann.name, ann.role, ann.code_hash) == ("ann", "admin", "hash-a")
    assert await accounts.by_id(ann.id) == ann
    assert await accounts.by_prefix("none") == []
    assert await accounts.by_id(99) is None
    assert len(await accounts.all()) == 2


async def test_a_new_code_keeps_the_account_and_ends_its_sessions(accounts):
    await accounts.put(1, "ann", "admin", "given", "old")
    (ann,) = await accounts.all()
    await accounts.open_session(session_of(ann.id))
    await accounts.put(1, "ann", "viewer", "given", "new")
    (again,) = await accounts.all()
    assert (again.id, again.role, again.code_hash) == (ann.id, "viewer", "new")
    assert await accounts.session(b"h" * 32) is None


async def test_a_session_is_opened_touched_and_closed(accounts):
    await accounts.put(1, "ann", "admin", "given", "hash")
    (ann,) = await accounts.all()
    session = session_of(ann.id)
    await accounts.open_session(session)
    assert await accounts.session(session.hash) == session
    await accounts.touch(session.hash, 1050.0)
    assert (await accounts.session(session.hash)).last_seen == 1050.0
    await accounts.close_session(session.hash)
    assert await accounts.session(session.hash) is None


async def test_removing_an_account_ends_its_sessions(accounts):
    await accounts.put(1, "ann", "admin", "given", "hash")
    (ann,) = await accounts.all()
    await accounts.open_session(session_of(ann.id))
    await accounts.remove(ann.id)
    assert await accounts.session(b"h" * 32) is None
    assert await accounts.all() == []


async def test_a_new_session_clears_away_those_that_ran_out(accounts):
    await accounts.put(1, "ann", "admin", "given", "hash")
    (ann,) = await accounts.all()
    await accounts.open_session(session_of(ann.id, b"1" * 32))
    await accounts.open_session(session_of(ann.id, b"2" * 32, created=2000.0))
    assert await accounts.session(b"1" * 32) is None
