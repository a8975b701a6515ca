"""Jobs, workers, accounts and settings as they are stored."""

import pytest
from msgspec.structs import replace

from pangea.core.errors import Conflict, NotFound
from pangea.core.model import Worker
from pangea.storage import accounts, jobs, settings, verdicts, workers
from tests.storage.made import job

FULL = {
    "type": "http",
    "target": "https://example.com/?a=ü",
    "on": "london,paris",
    "rule": "2",
    "options": {"status": [200, 204], "body": None, "deep": {"a": 1.5}},
    "labels": {"team": "net"},
    "enabled": False,
    "stopped_on": ("london",),
    "created_at_us": 1_790_000_000_000_000,
}


async def test_a_job_comes_back_as_it_was(store):
    added = await store.write(lambda: jobs.add(job(**FULL)))
    assert added == replace(job(**FULL), id=added.id)
    assert await store.read(lambda: jobs.get("router")) == added
    assert await store.read(jobs.all) == [added]


async def test_a_name_is_taken_once_in_each_organisation(store):
    await store.write(lambda: jobs.add(job()))
    with pytest.raises(Conflict) as caught:
        await store.write(lambda: jobs.add(job()))
    assert "--name" in caught.value.hint
    other = await store.write(lambda: jobs.add(job(org=2)))
    assert await store.read(lambda: jobs.all(2)) == [other]


async def test_a_renamed_job_keeps_its_id(store):
    first = await store.write(lambda: jobs.add(job("a")))
    second = await store.write(lambda: jobs.add(job("b")))
    await store.write(lambda: jobs.replace(replace(first, name="c")))
    assert (await store.read(lambda: jobs.get("c"))).id == first.id
    with pytest.raises(Conflict):
        await store.write(lambda: jobs.replace(replace(second, name="c")))
    assert await store.read(lambda: jobs.get("b")) == second


async def test_the_id_of_a_removed_job_is_never_used_again(store):
    first = await store.write(lambda: jobs.add(job()))
    await store.write(lambda: jobs.remove(first.id))
    with pytest.raises(NotFound):
        await store.read(lambda: jobs.get("router"))
    with pytest.raises(NotFound):
        await store.write(lambda: jobs.remove(first.id))
    with pytest.raises(NotFound):
        await store.write(lambda: jobs.replace(first))
    assert (await store.write(lambda: jobs.add(job()))).id > first.id


async def test_a_removed_job_takes_its_verdict_along_and_none_comes_after(store):
    one = await store.write(lambda: jobs.add(job("a")))
    other = await store.write(lambda: jobs.add(job("b")))
    both = {one.id: b"up", other.id: b"down"}
    await store.write(lambda: verdicts.save_states(both))
    await store.write(lambda: jobs.remove(one.id))
    assert await store.read(verdicts.load_states) == {other.id: b"down"}
    await store.write(lambda: verdicts.save_states(both))
    assert await store.read(verdicts.load_states) == {other.id: b"down"}


WORKER = Worker(
    id=0,
    key=b"k" * 32,
    name="london",
    region="eu",
    position=(51.5, -0.1),
    tags={"net": "dmz"},
    version="1",
    probes=("http", "icmp"),
    lacks={"dns": "no resolver"},
)


async def test_a_worker_comes_back_as_it_was(store):
    added = await store.write(lambda: workers.register(WORKER))
    assert added == replace(WORKER, id=added.id)
    assert await store.read(lambda: workers.by_key(b"k" * 32)) == added
    assert await store.read(lambda: workers.by_key(b"x" * 32)) is None
    assert await store.write(lambda: workers.register(WORKER)) == added


async def test_a_worker_whose_name_is_taken_gets_a_number(store):
    names = []
    for key in (b"a", b"b", b"c"):
        new = replace(WORKER, key=key * 32)
        names.append((await store.write(lambda n=new: workers.register(n))).name)
    assert names == ["london", "london-2", "london-3"]


async def test_last_seen_never_goes_back(store):
    added = await store.write(lambda: workers.register(WORKER))
    await store.write(lambda: workers.touch({added.id: 50, 99: 1}))
    await store.write(lambda: workers.touch({added.id: 40}))
    assert (await store.read(workers.all))[0].last_seen_us == 50
    await store.write(lambda: workers.save(replace(added, version="2")))
    (kept,) = await store.read(workers.all)
    assert (kept.version, kept.last_seen_us) == ("2", 50)
    with pytest.raises(NotFound):
        await store.write(lambda: workers.save(replace(added, id=77, name="x")))


async def test_a_setting_is_replaced(store):
    await store.write(lambda: settings.put("id", "a"))
    await store.write(lambda: settings.put("id", "b"))
    assert await store.read(lambda: settings.get("id")) == "b"
    assert await store.read(lambda: settings.get("none")) is None


def login(account, hash_=b"h", created=100.0, expires=200.0):
    return accounts.Session(
        hash=hash_,
        account=account,
        org=1,
        created=created,
        last_seen=created,
        expires=expires,
        ip="127.0.0.1",
        agent="test",
    )


async def test_a_new_code_ends_the_sessions_of_an_account(store):
    first = await store.write(lambda: accounts.put(1, "me", "admin", "ABCD", "x"))
    await store.write(lambda: accounts.open_session(login(first.id)))
    assert await store.read(lambda: accounts.session(b"h")) == login(first.id)
    again = await store.write(lambda: accounts.put(1, "me", "viewer", "EFGH", "y"))
    assert (again.id, again.role, again.code_hash) == (first.id, "viewer", "y")
    assert await store.read(lambda: accounts.session(b"h")) is None
    assert await store.read(lambda: accounts.by_prefix("ABCD")) == []
    assert await store.read(lambda: accounts.by_prefix("EFGH")) == [again]
    assert await store.read(accounts.count) == 1


async def test_a_removed_account_takes_its_sessions_along(store):
    one = await store.write(lambda: accounts.put(1, "me", "admin", "ABCD", "x"))
    await store.write(lambda: accounts.open_session(login(one.id)))
    await store.write(lambda: accounts.remove(one.id))
    assert await store.read(lambda: accounts.session(b"h")) is None
    assert await store.read(lambda: accounts.by_id(one.id)) is None


async def test_sessions_that_ran_out_are_cleared_away_by_the_next_login(store):
    one = await store.write(lambda: accounts.put(1, "me", "admin", "ABCD", "x"))
    await store.write(lambda: accounts.open_session(login(one.id)))
    await store.write(lambda: accounts.touch(b"h", 150.0))
    assert (await store.read(lambda: accounts.session(b"h"))).last_seen == 150.0
    later = login(one.id, b"i", created=200.0, expires=300.0)
    await store.write(lambda: accounts.open_session(later))
    assert await store.read(lambda: accounts.session(b"h")) is None
    await store.write(lambda: accounts.close_session(b"i"))
    assert await store.read(lambda: accounts.session(b"i")) is None


NOW_US = 1_790_000_000_000_000


async def test_a_start_after_a_restore_gives_no_id_that_was_given_after_the_backup(
    store,
):
    first = await store.write(lambda: jobs.add(job(created_at_us=NOW_US)))
    later = NOW_US + 3_600_000_000
    assert await store.write(lambda: jobs.skip_ids(later)) == 36_000
    second = await store.write(lambda: jobs.add(job(name="b", created_at_us=later)))
    assert second.id == first.id + 36_001


async def test_where_no_job_was_ever_added_ids_may_have_been_given_all_the_same(store):
    worker = Worker(id=0, key=b"k" * 32, name="hel", last_seen_us=NOW_US)
    await store.write(lambda: workers.register(worker))
    await store.write(lambda: jobs.skip_ids(NOW_US + 60_000_000))
    assert (await store.write(lambda: jobs.add(job()))).id == 601


@pytest.mark.parametrize("after_us", [0, -86_400_000_000, 99_999])
async def test_a_start_right_after_the_end_or_with_a_clock_set_back_skips_nothing(
    store, after_us
):
    first = await store.write(lambda: jobs.add(job(created_at_us=NOW_US)))
    assert await store.write(lambda: jobs.skip_ids(NOW_US + after_us)) == 0
    assert (await store.write(lambda: jobs.add(job(name="b")))).id == first.id + 1


async def test_a_database_that_is_new_begins_with_one(store):
    assert await store.write(lambda: jobs.skip_ids(NOW_US)) == 0
    assert (await store.write(lambda: jobs.add(job()))).id == 1
