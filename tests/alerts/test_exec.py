"""Programs: what they are told, what their end means, and that nothing is left."""

import asyncio
import json
import os
import threading
import time

import pytest

from pangea.alerts import child, starting
from pangea.alerts.exec import Exec
from pangea.alerts.notifier import NotSent, Refused
from pangea.alerts.registry import checked_options
from pangea.alerts.sending import Guarded
from pangea.alerts.templates import render
from pangea.alerts.tools import Tools
from pangea.core.errors import UsageError
from tests.alerts.conftest import message

SH = "/bin/sh"


async def ran(script, timeout_s=10.0, said=None):
    notifier = Guarded(Exec(Tools(programs=(SH,))))
    options = checked_options("exec", {"program": SH, "args": ["-c", script]})
    return await notifier.send(said or message(), options, timeout_s)


async def test_a_program_is_told_by_json(tmp_path):
    kept = tmp_path / "told"
    assert await ran(f"cat > {kept}; echo paged ann") == "paged ann"
    told = json.loads(kept.read_text())
    assert (told["id"], told["kind"], told["thread"]) == ("n-1", "down", "inc-7")


async def test_its_environment_is_clean(monkeypatch):
    monkeypatch.setenv("PANGEA_SMTP_PASSWORD", "hunter2")
    assert "hunter2" not in await ran("env")
    assert (await ran("pwd; env")).startswith(r"/\x0a")


@pytest.mark.parametrize(
    ("code", "kind"), [(1, NotSent), (75, NotSent), (64, Refused), (78, Refused)]
)
async def test_its_exit_code_says_whether_to_try_again(code, kind):
    with pytest.raises((NotSent, Refused)) as caught:
        await ran(f"echo why >&2; exit {code}")
    assert type(caught.value) is kind
    assert str(caught.value) == f"it ended with code {code}: why"


async def test_one_that_does_not_read_its_input_is_none_the_worse():
    big = message(text="x" * 500_000)
    assert await ran("exec 0<&-; echo fine", said=big) == "fine"


async def test_of_what_it_prints_the_beginning_is_kept():
    said = await ran("yes | head -c 50000000; exit 0")
    assert said.startswith(r"y\x0ay")
    assert len(said) <= 200


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0] != "Z"


async def test_what_hangs_is_killed_with_all_it_started(tmp_path):
    pids = tmp_path / "pids"
    script = f"sleep 60 & echo $! > {pids}; echo $$ >> {pids}; trap '' TERM; sleep 60"
    begun = time.perf_counter()
    with pytest.raises(NotSent, match="no answer within"):
        await ran(script, 0.3)
    assert time.perf_counter() - begun < 30
    await asyncio.sleep(0.1)
    assert [alive(int(p)) for p in pids.read_text().split()] == [False, False]


async def test_who_stops_waiting_while_it_starts_leaves_nothing():
    def held():
        return len(os.listdir("/dev/fd"))

    await ran("exit 0")  # Threads and the like are there now.
    before = held()
    for turns in range(10):
        task = asyncio.create_task(ran("exec sleep 30"))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    async with asyncio.timeout(10):
        while held() > before or child._ending:
            await asyncio.sleep(0.02)


async def test_one_that_never_starts_holds_up_no_template(monkeypatch):
    def held():
        return len(os.listdir("/dev/fd"))

    def start(argv, *given, start=starting._start):
        if argv[0] == SH:
            disk.wait(30)
        return start(argv, *given)

    disk = threading.Event()
    monkeypatch.setattr(starting, "_start", start)
    await render(["{{ a }}"], {"a": "x"})
    before = held()
    for _ in range(starting.AT_ONCE + 4):
        with pytest.raises(NotSent, match="no answer within"):
            await ran("exec sleep 30", 0.02)
    assert child._PROGRAMS._threads._work_queue.qsize() == 0
    assert await render(["{{ a }}"], {"a": "x"}) == ["x"]
    disk.set()
    async with asyncio.timeout(10):
        while held() > before or child._ending:
            await asyncio.sleep(0.02)
    assert await ran("echo fine") == "fine"


async def test_what_it_leaves_in_the_background_is_killed(tmp_path):
    pids = tmp_path / "pids"
    begun = time.perf_counter()
    assert await ran(f"sleep 60 & echo $! > {pids}; echo done") == "done"
    assert time.perf_counter() - begun < 30
    await asyncio.sleep(0.1)
    assert not alive(int(pids.read_text()))


async def test_only_programs_of_the_configuration_are_run():
    options = checked_options("exec", {"program": SH, "args": ["-c", "true"]})
    with pytest.raises(UsageError, match="not among the programs") as caught:
        await Exec(Tools()).check(options)
    assert 'exec = ["/bin/sh"]' in caught.value.hint
    with pytest.raises(Refused, match="not among the programs"):
        await Guarded(Exec(Tools())).send(message(), options, 5)
    missing = checked_options("exec", {"program": "/no/such"})
    with pytest.raises(Refused, match="cannot be run: no such file"):
        await Guarded(Exec(Tools(programs=("/no/such",)))).send(message(), missing, 5)
    with pytest.raises(UsageError, match="program: wanted a path"):
        checked_options("exec", {"program": "rm -rf"})
