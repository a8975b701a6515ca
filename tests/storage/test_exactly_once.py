"""A worker, a coordinator and a bad network between them, by hypothesis.

Every result that was made is stored once, waits in the spool, or is inside a gap
record that was stored or waits; and what is stored is what was made.
"""

import asyncio
import shutil
import tempfile
from pathlib import Path

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from pangea.core.model import Result
from pangea.storage import ingest, results
from pangea.storage.database import Store
from pangea.storage.files import release
from pangea.storage.spool import Bounds, Lost, Spool
from pangea.storage.spool_journal import journal_paths
from pangea.storage.spool_owed import Owed
from tests.engines import begun
from tests.storage.made import SECOND, T0, result

WORKER = 1


def die(spool):
    """End *spool* as ``kill -9`` does: nothing is flushed, noted or emptied."""
    spool._file.disk.link.close()
    spool._file.head.close()
    spool._owed.close()
    spool._thread.shutdown()
    spool._journal.close()
    release(spool._lock)


pack = msgspec.msgpack.encode
unpack = msgspec.msgpack.Decoder(Result).decode


def last_of(run):
    return max([run.first + len(run.rows) - 1, *(gap.last for gap in run.gaps)])


class ExactlyOnce(RuleBasedStateMachine):
    """Both ends on real files; the network is a list of batches."""

    def __init__(self):
        super().__init__()
        self.loop = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp())
        self.made = {}
        self.network = []
        self.acks = []
        self.sent = {}
        self.serial = self.first_serial = 0

    def do(self, coroutine):
        return self.loop.run(coroutine)

    @initialize(most=st.sampled_from([500, 1500, 1 << 20]))
    def begin(self, most):
        self.bounds = Bounds(most_bytes=most)
        self.store = self.do(Store.open(begun(self.folder / "pangea.db")))
        self.spool = self.do(Spool.open(self.folder / "spool.db", bounds=self.bounds))

    @rule(count=st.integers(1, 12))
    def probe(self, count):
        rows = [result(len(self.made) + i, worker=WORKER) for i in range(count)]
        packed = [
            self.spool.keep(r.job, r.started_at_us, pack(r), rank=int(i % 4 == 0))
            for i, r in enumerate(rows)
        ]
        self.serial = packed[-1].serial
        first, last = self.do(self.spool.add(packed))
        assert last - first + 1 == count
        for number, row in enumerate(rows, first):
            self.made[self.spool.epoch, number] = row

    @rule()
    def come_back_after_an_outage(self):
        """New results get numbers of their own, so as not to wait for old ones."""
        self.do(self.spool.begin_epoch())
        self.first_serial = self.serial

    @rule(limit=st.integers(1, 9), backlog=st.sampled_from([None, True, False]))
    def send(self, limit, backlog):
        for run in self.do(self.spool.pending(self.sent, limit, backlog=backlog)):
            self.sent[run.epoch] = last_of(run)
            self.network.append(run)

    @precondition(lambda self: self.network)
    @rule(data=st.data(), again=st.booleans())
    def deliver(self, data, again):
        """Any batch on the way arrives, perhaps not for the last time."""
        run = data.draw(st.sampled_from(self.network))
        if not again:
            self.network.remove(run)
        self.acks.append((run.epoch, self.taken_in(run)))

    @precondition(lambda self: self.acks)
    @rule(data=st.data(), lost=st.booleans())
    def acknowledge(self, data, lost):
        ack = data.draw(st.sampled_from(self.acks))
        self.acks.remove(ack)
        if not lost:
            self.spool.ack(*ack)

    @rule(count=st.integers(1, 12), acked=st.booleans())
    def work_well(self, count, acked):
        """For a while all goes as it should, but perhaps for the ack."""
        self.probe(count)
        for run in self.do(self.spool.pending(self.sent, 100)):
            self.sent[run.epoch] = last_of(run)
            mark = self.taken_in(run)
            if acked:
                self.spool.ack(run.epoch, mark)

    @rule(count=st.integers(2, 12), first=st.integers(1, 6), more=st.integers(1, 6))
    def cut_differently(self, count, first, more):
        """A link ends before the ack, and the next one cuts its batches elsewhere."""
        self.probe(count)
        before = self.do(self.spool.pending({}, first))
        after = self.do(self.spool.pending({}, first + more))
        for run in [*before, *after]:
            self.taken_in(run)
        self.relink()

    @rule(forget=st.booleans())
    def relink(self, forget=True):
        """A new link; what the old one brought may still wait to be taken in."""
        if forget:
            self.network.clear()
        self.acks.clear()
        self.sent.clear()
        marks = self.do(self.store.read(lambda: ingest.watermarks(WORKER)))
        self.do(self.spool.rewind(marks))

    @rule()
    def restart_the_worker(self):
        self.do(self.spool.close())
        self.live_again()

    @rule(count=st.integers(0, 5))
    def kill_the_worker(self, count):
        """It dies with results that only its journal has."""
        self.keep(count)
        die(self.spool)
        self.live_again()

    @rule(count=st.integers(1, 5))
    def kill_it_before_the_journal_is_emptied(self, count):
        """It dies right after a group was stored; the journal still has it."""
        rows = self.keep(count)
        journal = {path: path.read_bytes() for path in journal_paths(self.spool.path)}
        self.do(self.spool.add(rows))
        die(self.spool)
        for path, data in journal.items():
            path.write_bytes(data)
        self.live_again()

    def live_again(self):
        self.spool = self.do(Spool.open(self.folder / "spool.db", bounds=self.bounds))
        self.serial = self.first_serial = 0
        self.relink()

    def keep(self, count):
        rows = [result(len(self.made) + i, worker=WORKER) for i in range(count)]
        kept = [self.spool.keep(r.job, r.started_at_us, pack(r)) for r in rows]
        for row, one in zip(rows, kept, strict=True):
            self.made[self.spool.epoch, one.serial - self.first_serial] = row
            self.serial = one.serial
        return kept

    @rule()
    def restart_the_coordinator(self):
        self.do(self.store.close())
        self.store = self.do(Store.open(begun(self.folder / "pangea.db")))
        self.relink()

    @rule()
    def back_up(self):
        self.do(self.store.close())
        shutil.copy(self.folder / "pangea.db", self.folder / "backup.db")
        self.store = self.do(Store.open(begun(self.folder / "pangea.db")))
        self.relink()

    @precondition(lambda self: (self.folder / "backup.db").exists())
    @rule()
    def restore(self):
        self.do(self.store.close())
        shutil.copy(self.folder / "backup.db", self.folder / "pangea.db")
        self.store = self.do(Store.open(begun(self.folder / "pangea.db")))
        self.relink()

    @rule(rounds=st.integers(1, 3))
    def restore_what_is_old(self, rounds):
        """What the coordinator had acknowledged is gone, perhaps here as well."""
        self.back_up()
        for _ in range(rounds):
            self.work_well(12, acked=True)
        self.restore()

    def teardown(self):
        if hasattr(self, "store"):
            self.relink()
            self.send_all()
            self.account()
            self.do(self.spool.close())
            self.do(self.store.close())
        self.loop.close()
        shutil.rmtree(self.folder)

    def send_all(self):
        """In the end the network is well, and everything arrives."""
        while before := self.do(self.spool.waiting()):
            for run in self.do(self.spool.pending({}, 100)):
                self.spool.ack(run.epoch, self.taken_in(run))
            assert self.do(self.spool.waiting()) < before, "nothing moves any more"

    def taken_in(self, run):
        """Commit a batch at the coordinator; return the watermark."""
        rows = [unpack(row) for row in run.rows]
        intake = ingest.Intake(
            worker=WORKER, epoch=run.epoch, first=run.first, rows=rows, gaps=run.gaps
        )
        marks = self.do(self.store.write(lambda: ingest.commit([intake], T0)))
        return marks[WORKER, run.epoch]

    def account(self):
        page = self.do(self.store.read(lambda: results.query(1, limit=10_000)))
        stored = [r.started_at_us for r in page.items]
        assert len(stored) == len(set(stored)), "a result was stored twice"
        by_time = {r.started_at_us: r for r in self.made.values()}
        assert all(by_time[r.started_at_us] == r for r in page.items)
        gaps = self.do(self.store.read(lambda: ingest.gaps(WORKER)))
        lost = {(e, n) for e, g in gaps for n in range(g.first, g.last + 1)}
        kept = {key for key, row in self.made.items() if row.started_at_us in stored}
        assert kept | lost >= set(self.made), "a result was lost in silence"
        assert not kept & lost, "a result was stored and called lost"
        assert lost <= set(self.made), "a gap tells of results that never were"


ExactlyOnce.TestCase.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None
)
test_every_result_is_stored_once_or_inside_a_gap = ExactlyOnce.TestCase


class WithBadDisks(ExactlyOnce):
    """The same, with pages that are overwritten, and power that fails."""

    @rule(count=st.integers(0, 5), share=st.floats(0, 1), size=st.integers(1, 4096))
    def kill_it_and_damage_its_file(self, count, share, size):
        """From some page on, the beginning of each is overwritten."""
        self.keep(count)
        self.spool._file.disk.link.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        die(self.spool)
        with self.spool.path.open("r+b") as file:
            pages = self.spool.path.stat().st_size // 4096
            for page in range(1 + int(share * (pages - 1)), pages):
                file.seek(page * 4096)
                file.write(b"\xa5" * size)
        self.live_again()

    @rule(debt=st.integers(0, 9), count=st.integers(1, 9), more=st.integers(0, 9))
    def take_the_power(self, debt, count, more):
        """It owes results, a group was sent, then its commit goes; the journal stays.

        What was numbered after the opening must get the same numbers again.
        """
        die(self.spool)
        self.owe(debt)
        path = self.spool.path
        wal = path.with_name("spool.db-wal")
        on_disk = {p: p.read_bytes() for p in (path, wal)}
        rows = self.keep(count)
        journal = {p: p.read_bytes() for p in journal_paths(path)}
        self.do(self.spool.add(rows))
        for run in self.do(self.spool.pending(self.sent, 100)):
            self.taken_in(run)
        self.keep(more)
        after = {p: p.read_bytes() for p in journal_paths(path)}
        die(self.spool)
        for one, data in (on_disk | {p: journal[p] or after[p] for p in after}).items():
            one.write_bytes(data)
        path.with_name("spool.db-shm").unlink(missing_ok=True)
        self.live_again()

    def owe(self, debt):
        """Live again with results that an earlier life lost with its memory."""
        owed = Owed(self.spool.path)
        lost = [result(len(self.made) + i, worker=WORKER) for i in range(debt)]
        at = [r.started_at_us for r in lost]
        if lost:
            owed.hold(Lost("", {1: debt}, at[0], at[-1]), 0)
        owed.close()
        self.live_again()
        if lost:
            *_, told, _ = self.spool._file.disk.epochs
            assert told.last == debt
            self.made |= {(told.epoch, n): row for n, row in enumerate(lost, 1)}


WithBadDisks.TestCase.settings = settings(
    max_examples=20, stateful_step_count=20, deadline=None
)
test_bad_disks_lose_nothing_in_silence = WithBadDisks.TestCase
assert T0 % SECOND == 0
