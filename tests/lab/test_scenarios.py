"""One fault each, longer than a random run has it, and what must be seen of it."""

import shutil
import time
from pathlib import Path

import pytest

from tests.lab import ledger
from tests.lab.capture import captured, payloads, streams
from tests.lab.checker import Report
from tests.lab.faults import SLOW_START_S, Nemesis, faked
from tests.lab.fleet import PORT, now_us, wait_for
from tests.lab.fleet import jobs as lab_jobs
from tests.lab.hosts import TARGET
from tests.lab.run import account

pytestmark = [pytest.mark.slow, pytest.mark.netns, pytest.mark.timeout(180)]
OUTAGE_S = 30.0
#: Other tests run beside these: what was answered so long before a kill may not have
#: got a turn of the processor since.
WRITTEN_S = 1.5


def accounted(nemesis: Nemesis) -> Report:
    """Return the report of a fleet that has lost nothing."""
    report = account(nemesis, WRITTEN_S, down=nemesis.fleet.verdicts().items())
    assert report.faults == []
    return report


def worker(nemesis: Nemesis, name: str) -> dict:
    """Return what the API says of a worker."""
    return nemesis.fleet.ask("GET", f"/workers/{name}")


def stored_between(nemesis: Nemesis, name: str, since_us: int, until_us: int) -> int:
    """Return how many results of a worker the target saw in a stretch of time."""
    runs = ledger.seen(nemesis.fleet, now_us())
    wanted = {
        run.token
        for run in runs
        if run.source == name and since_us < run.at_us < until_us
    }
    found = {row.token for row in ledger.stored(nemesis.fleet, runs)}
    assert wanted
    return len(wanted & found)


def test_a_partition_of_half_a_minute_loses_nothing(nemesis: Nemesis):
    net, begun = nemesis.fleet.net, now_us()
    net.drop("w1", "relay")
    net.drop("relay", "w1")
    time.sleep(OUTAGE_S)
    healed = now_us()
    assert not worker(nemesis, "w1")["connected"]
    assert stored_between(nemesis, "w1", begun + 2_000_000, healed) == 0
    net.carry("w1", "relay")
    net.carry("relay", "w1")
    nemesis.bent("w1", 1.0)
    accounted(nemesis)
    assert stored_between(nemesis, "w1", begun, healed) > 10 * OUTAGE_S


@pytest.mark.parametrize("ends", [("w1", "relay"), ("relay", "w1")])
def test_a_way_cut_in_one_direction_is_noticed_and_loses_nothing(
    nemesis: Nemesis, ends: tuple[str, str]
):
    nemesis.fleet.net.drop(*ends)
    gone = wait_for(lambda: not worker(nemesis, "w1")["connected"], 45, "it is missed")
    assert gone
    nemesis.fleet.net.carry(*ends)
    nemesis.bent("w1", 1.0)
    accounted(nemesis)


def test_a_long_way_with_loss_bends_no_result(nemesis: Nemesis):
    nemesis.fleet.workers["w1"].kill()
    nemesis.fleet.bend("w1", delay_s=0.3, loss=0.05)
    nemesis.fleet.workers["w1"].start()
    wait_for(lambda: (worker(nemesis, "w1")["rtt_ms"] or 0) > 590, 45, "it is slow")
    nemesis.bent("w1", 1.2)
    time.sleep(10)
    # Both directions are as slow, so the clock's measurement stays good.
    assert abs(worker(nemesis, "w1")["offset_ms"]) < 450
    accounted(nemesis)


def test_a_coordinator_from_an_older_backup_gets_everything_again(nemesis: Nemesis):
    time.sleep(2)
    copy, begun = nemesis.fleet.back_up(), now_us()
    time.sleep(8)
    ended = now_us()
    time.sleep(2)
    before = stored_between(nemesis, "w1", begun, ended)
    nemesis.fleet.coordinator.kill()
    nemesis.fleet.restore(copy)
    nemesis.fleet.coordinator.start()
    wait_for(nemesis.fleet.ready, 30, "the coordinator serves")
    accounted(nemesis)
    assert stored_between(nemesis, "w1", begun, ended) == before


def test_a_full_spool_and_no_coordinator_lose_nothing_unsaid(nemesis: Nemesis):
    fleet = nemesis.fleet
    fleet.bend("w1", refuse=True, act="cut")
    fleet.workers["w1"].fill_disk()
    time.sleep(10)
    fleet.workers["w1"].free_disk()
    fleet.bend("w1", refuse=False)
    accounted(nemesis)


def test_a_worker_killed_with_a_full_disk_says_how_many_it_took_along(
    nemesis: Nemesis,
):
    fleet = nemesis.fleet
    fleet.bend("w1", refuse=True, act="cut")
    time.sleep(2)
    fleet.workers["w1"].fill_disk()
    time.sleep(5)
    fleet.workers["w1"].kill()
    fleet.workers["w1"].free_disk()
    fleet.workers["w1"].start()
    fleet.bend("w1", refuse=False)
    assert accounted(nemesis).in_gaps > 12


def test_a_coordinator_with_a_full_disk_says_so_and_loses_nothing(nemesis: Nemesis):
    fleet = nemesis.fleet
    fleet.coordinator.fill_disk()
    trouble = wait_for(lambda: fleet.ask("GET", "/status")["trouble"], 15, "trouble")
    assert "full" in " ".join(trouble)
    fleet.coordinator.free_disk()
    accounted(nemesis)
    wait_for(lambda: not fleet.ask("GET", "/status")["trouble"], 15, "no more trouble")


@pytest.mark.needs("faketime")
@pytest.mark.parametrize("year", [1970, 2090])
def test_a_worker_in_another_year_harms_nothing(nemesis: Nemesis, year: int):
    node = nemesis.fleet.workers["w1"]
    node.kill()
    node.more = faked(f"@{year}-01-02 00:00:00")
    node.start()
    years_ms = (time.gmtime().tm_year - year) * 365.25 * 86_400_000
    offset = wait_for(lambda: _offset_ms(nemesis), 30, "its clock is measured")
    assert offset == pytest.approx(years_ms, rel=0.05)
    time.sleep(5)
    # The first measurement of a clock comes while the process still starts.
    nemesis.bent("w1", SLOW_START_S)
    report = accounted(nemesis)
    assert report.clamped == 0


def _offset_ms(nemesis: Nemesis) -> float:
    offset = worker(nemesis, "w1")["offset_ms"]
    return offset if offset and abs(offset) > 60_000 else 0.0


@pytest.mark.parametrize("nemesis", [("site-helsinki",)], indirect=True)
def test_nobody_on_the_way_reads_a_name_a_target_or_a_reading(
    nemesis: Nemesis, tmp_path: Path
):
    fleet, pcap = nemesis.fleet, tmp_path / "lab" / "mesh.pcap"
    with captured(fleet.net, "relay", "core0", pcap) as frames:
        fleet.workers["site-helsinki"].kill()
        fleet.workers["site-helsinki"].start()
        everybody = {"site-helsinki", "local"}
        wait_for(lambda: fleet.connected() == everybody, 30, "it joins again")
        time.sleep(6)
    spoken = streams(frames, PORT)
    whole = [stream for stream in spoken.values() if b"websocket" in stream[:400]]
    said = [payloads(stream) for stream in whole]
    text = b"\n".join([*spoken.values(), *said])
    assert b"GET /mesh" in text, "the capture has the way in"
    assert min(len(one) for one in said) > 1000, "of both directions"
    jobs = [name for name, *_ in lab_jobs()]
    secret = (fleet.place / "secret").read_text().strip()
    for word in ("helsinki", "lab-00", "banner", "answers", TARGET, secret, *jobs):
        assert word.encode() not in text, word
    accounted(nemesis)


def test_a_cloned_worker_doubles_nothing(nemesis: Nemesis):
    fleet = nemesis.fleet
    original, clone = fleet.workers["w1"], fleet.workers["w2"]
    clone.kill()
    original.kill()
    shutil.rmtree(clone.state, ignore_errors=True)
    shutil.copytree(original.state, clone.state, dirs_exist_ok=True)
    original.start()
    clone.start()
    time.sleep(12)
    clone.kill()
    runs = ledger.seen(fleet, now_us())
    rows = [row.token for row in ledger.stored(fleet, runs) if row.token]
    assert len(rows) == len(set(rows))
