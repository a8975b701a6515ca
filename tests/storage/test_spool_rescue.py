"""A spool that is damaged when it is opened loses nothing in silence."""

import sqlite3

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pangea.storage.files import release
from pangea.storage.spool import Bounds, Lost, Spool
from pangea.storage.spool_head import Head, head_path, noted
from pangea.storage.spool_words import Epoch

PAGE = 4096


def keep(spool, first, count):
    numbers = range(first, first + count)
    return [spool.keep(1, 1_000_000 + i, b"%d " % i + b"." * 300) for i in numbers]


def die(spool):
    """End *spool* as ``kill -9`` does, its WAL in the file."""
    for file in spool._file.all:
        if file is spool._file.disk:
            file.link.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        file.link.close()
    spool._thread.shutdown()
    spool._journal.close()
    spool._owed.close()
    spool._file.head.close()
    release(spool._lock)


def damage(path, size=64, pages=lambda page: page > 0):
    """Overwrite the first *size* bytes of pages."""
    with path.open("r+b") as file:
        for page in range(path.stat().st_size // PAGE):
            if pages(page):
                file.seek(page * PAGE)
                file.write(b"\xa5" * size)


async def said(spool):
    """Return of each epoch what it says: number and text of rows, and the gaps."""
    told, sent = {}, {}
    while runs := await spool.pending(sent, 100_000):
        for run in runs:
            sent[run.epoch] = run.last
            rows, gaps = told.setdefault(run.epoch, ({}, {}))
            for number, body in enumerate(run.rows, run.first):
                rows[number] = int(body.split()[0])
            for gap in run.gaps:
                gaps[gap.first] = gap
    return told


@pytest.fixture
def path(tmp_path):
    return tmp_path / "spool.db"


async def test_a_spool_without_a_readable_page_says_what_it_had(path):
    spool = await Spool.open(path, boot="monday")
    await spool.add(keep(spool, 1, 50))
    spool.ack(spool.epoch, 20)
    await spool.add(keep(spool, 51, 50))
    keep(spool, 101, 3)
    die(spool)
    damage(path)

    again = await Spool.open(path, boot="tuesday")
    told = await said(again)
    rows, gaps = told.pop(spool.epoch)
    assert told == {}
    assert rows == {101: 101, 102: 102, 103: 103}
    ((first, gap),) = gaps.items()
    assert (first, gap.last) == (21, 100)
    assert gap.reason == "spool damaged: database disk image is malformed"
    assert (gap.from_us, gap.to_us) == (1_000_001, 1_000_100)
    assert await again.add(keep(again, 104, 1)) == (1, 1)
    await again.close()
    third = await Spool.open(path)
    assert third.message == ""
    assert set(await said(third)) == {spool.epoch, again.epoch}
    await third.close()


async def test_what_the_journal_has_as_well_is_not_doubled(path):
    spool = await Spool.open(path)
    rows = keep(spool, 1, 5)
    journal = path.with_name("spool.db.journal-0")
    data = journal.read_bytes()
    await spool.add(rows)
    die(spool)
    journal.write_bytes(data)
    damage(path)
    again = await Spool.open(path)
    ((rows, gaps),) = (await said(again)).values()
    assert rows == {}
    assert [(gap.first, gap.last) for gap in gaps.values()] == [(1, 5)]
    await again.close()


async def test_rows_around_the_damage_are_saved_with_their_numbers(path):
    spool = await Spool.open(path, boot="monday")
    await spool.save_assignments(3, b"three")
    await spool.add(keep(spool, 1, 400))
    await spool.begin_epoch()
    after = spool.epoch
    await spool.add(keep(spool, 401, 400), Lost("why", {1: 7}, 5, 6))
    die(spool)
    last = path.stat().st_size // PAGE
    damage(path, PAGE, lambda page: last // 2 < page < last // 2 + 4)

    again = await Spool.open(path, boot="tuesday")
    told = await said(again)
    assert len(told) == 2
    saved = 0
    for epoch, (rows, gaps) in told.items():
        base, end = (393, 407) if epoch == after else (0, 400)
        assert all(body == number + base for number, body in rows.items())
        numbers = {n for g in gaps.values() for n in range(g.first, g.last + 1)}
        assert not numbers & set(rows)
        assert numbers | set(rows) == set(range(1, end + 1))
        saved += len(rows)
    assert 700 < saved < 800
    assert told[after][1][1].reason == "why"
    assert await again.load_assignments() == (3, b"three")
    runs = await again.pending({}, 10)
    assert runs[0].boot == "monday"
    await again.close()


async def test_a_head_that_lies_or_is_gone_costs_no_more_than_the_numbers(path):
    spool = await Spool.open(path)
    await spool.add(keep(spool, 1, 9))
    keep(spool, 10, 2)
    die(spool)
    damage(path)
    head_path(path).write_bytes(b"\x01" * 40_000)
    again = await Spool.open(path)
    told = await said(again)
    reasons = [gap.reason for _, gaps in told.values() for gap in gaps.values()]
    assert reasons == [
        "spool damaged: database disk image is malformed, number unknown"
    ]
    assert sorted(told[again.epoch][0].values()) == [10, 11]
    await again.close()


async def test_a_debt_outlives_the_damage(path):
    from pangea.storage.spool_owed import REASON, Owed

    spool = await Spool.open(path)
    await spool.add(keep(spool, 1, 2))
    die(spool)
    damage(path)
    owed = Owed(path)
    owed.hold(Lost("", {5: 4}, 10, 20), 0)
    owed.close()
    again = await Spool.open(path)
    gaps = [g for _, gaps in (await said(again)).values() for g in gaps.values()]
    assert {(g.last - g.first + 1, g.reason) for g in gaps} == {
        (2, "spool damaged: database disk image is malformed"),
        (4, REASON),
    }
    await again.close()


async def test_damaged_assignments_are_none_and_the_rest_is_saved(path):
    spool = await Spool.open(path)
    await spool.save_assignments(3, b"x" * 3000)
    await spool.add(keep(spool, 1, 30))
    root = (
        spool._file.disk.link.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'assignments'"
        ).fetchone()[0]
        - 1
    )
    die(spool)
    damage(path, PAGE, lambda page: page == root)
    again = await Spool.open(path)
    assert await again.load_assignments() == (0, b"")
    ((rows, gaps),) = (await said(again)).values()
    assert (len(rows), gaps) == (30, {})
    await again.close()


async def test_a_schema_that_is_no_text_is_damage_like_any_other(path):
    spool = await Spool.open(path)
    await spool.add(keep(spool, 1, 3))
    die(spool)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"CREATE TABLE boot", b"CREATE TABLE b\x80\xffx"))

    again = await Spool.open(path)
    assert "malformed" in again.message
    rows, gaps = (await said(again))[spool.epoch]
    assert (rows, [(g.first, g.last) for g in gaps.values()]) == ({}, [(1, 3)])
    await again.close()


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    places=st.lists(st.tuples(st.floats(0, 0.999), st.binary(min_size=1, max_size=90)))
)
async def test_whatever_is_overwritten_every_number_is_spoken_of(
    tmp_path_factory, places
):
    path = tmp_path_factory.mktemp("spool") / "spool.db"
    spool = await Spool.open(path)
    for group in range(6):
        await spool.add(keep(spool, 1 + group * 20, 20))
    spool.ack(spool.epoch, 30)
    await spool.add(keep(spool, 121, 1))
    keep(spool, 122, 2)
    die(spool)
    with path.open("r+b") as file:
        size = path.stat().st_size
        for share, junk in places:
            file.seek(int(share * size))
            file.write(junk)
    again = await Spool.open(path)
    if again.message:
        told = await said(again)
        rows, gaps = told[spool.epoch]
        lost = {n for g in gaps.values() for n in range(g.first, g.last + 1)}
        assert lost | set(rows) >= set(range(31, 124))
        assert {122, 123} <= set(rows)
    await again.close()


def epoch(number, base, acked, end):
    name = f"{number:032x}"
    return Epoch(epoch=name, base=base, acked=acked, noted=0, end=end)


def test_the_head_tells_the_newest_that_wait_and_the_last_word_counts(path):
    head = Head(path)
    many = [epoch(n, n * 10, 5 if n else 10, n * 10 + 10) for n in range(200)]
    head.note(many[:1], ["a"], 1)
    head.note(many, ["a", "b"], 7)
    said = noted(path)
    assert (said.upto, said.lives, len(said.parts)) == (7, ["a", "b"], 64)
    assert said.parts[-1].end == 2000
    data = bytearray(head_path(path).read_bytes())
    data[20] ^= 0xFF  # The newest word is damaged: the one before it counts.
    head_path(path).write_bytes(data)
    assert noted(path).upto == 1
    head.close()
    assert head_path(path).stat().st_mode & 0o777 == 0o600


async def test_without_room_for_the_saved_nothing_is_set_aside(path, monkeypatch):
    spool = await Spool.open(path)
    await spool.add(keep(spool, 1, 9))
    die(spool)
    damage(path)

    def refuse(*_):
        raise sqlite3.OperationalError("database or disk is full")

    from pangea.core.errors import ConfigError
    from pangea.storage import spool_rescue

    monkeypatch.setattr(spool_rescue, "transaction", refuse)
    with pytest.raises(ConfigError) as refused:
        await Spool.open(path)
    assert "make room" in refused.value.hint
    assert not list(path.parent.glob("*.damaged-*"))
    monkeypatch.undo()
    again = await Spool.open(path, bounds=Bounds())
    assert await again.waiting() == 9
    await again.close()


async def test_what_was_acknowledged_before_the_damage_is_a_gap_if_it_is_asked_for(
    path,
):
    spool = await Spool.open(path)
    await spool.add(keep(spool, 1, 3))
    spool.ack(spool.epoch, 3)
    first = spool.epoch
    await spool.close()
    between = await Spool.open(path)  # Nothing waits: only its own epoch is open.
    die(between)
    damage(path, 1)

    again = await Spool.open(path)
    assert "was damaged" in again.message
    assert await again.waiting() == 0
    await again.rewind({})  # The coordinator was restored from an older backup.
    rows, gaps = (await said(again))[first]
    assert rows == {}
    assert [(g.first, g.last, g.reason) for g in gaps.values()] == [
        (1, 3, "coordinator restored")
    ]
    await again.close()
