"""`pangea demo` as a person runs it: it shows what it promises and leaves nothing."""

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pangea.demo.story import PLACES
from tests.demo.shown import PANGEA, shown
from tests.e2e.cluster import free_port, wait_for
from tests.e2e.leftovers import alive

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(180)]

#: How long it may take on a machine that does other things as well.
LEAVES_S = 30


@pytest.fixture
def temporary() -> Iterator[Path]:
    """Where the demo makes its directory; short, as a socket's path must be."""
    with tempfile.TemporaryDirectory(prefix="demo-test-") as name:
        yield Path(name)


@pytest.fixture
def demo(temporary: Path) -> Iterator[subprocess.Popen[str]]:
    """The command, just started."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PANGEA_")}
    with subprocess.Popen(
        [*PANGEA, "demo", "--listen", f"127.0.0.1:{free_port()}"],
        env={**kept, "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # Whoever started the tests may have them outlive a terminal.
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
    ) as process:
        yield process
        process.kill()


def read_until(process: subprocess.Popen[str], word: str) -> str:
    said = ""
    for line in process.stdout or ():
        said += line
        if word in line:
            return said
    raise AssertionError(f"it ended before it said {word!r}: {said}")


@pytest.mark.parametrize(
    ("word", "number"),
    [
        pytest.param("Ctrl-C", signal.SIGTERM, id="told to end"),
        pytest.param("starting", signal.SIGINT, id="Ctrl-C while it starts"),
        pytest.param("starting", signal.SIGHUP, id="its terminal closed"),
    ],
)
def test_it_leaves_nothing_behind(demo, temporary, word, number):
    said = read_until(demo, word)
    if word == "Ctrl-C":
        assert "open      http://127.0.0.1:" in said
        assert "log in    " in said
        assert len(alive(temporary)) == 1 + len(PLACES)
    demo.send_signal(number)
    assert demo.wait(LEAVES_S) == 0
    assert "Traceback" not in (demo.stdout.read() if demo.stdout else "")
    assert alive(temporary) == []
    assert list(temporary.iterdir()) == []


def test_also_a_killed_one_leaves_no_process(demo, temporary):
    read_until(demo, "Ctrl-C")
    assert alive(temporary)
    demo.kill()
    demo.wait(LEAVES_S)
    wait_for(lambda: not alive(temporary), LEAVES_S, f"gone: {alive(temporary)}")


async def test_it_shows_what_it_promises(temporary):
    async with shown(temporary) as demo:
        await demo.verdict("login", "up")
        await demo.verdict("intranet-cert", "degraded")
        demo.targets.jump(21)
        await demo.verdict("shop", "down")
        await demo.verdict("search", "degraded")
        demo.targets.jump(61)
        await demo.isolated()
        await demo.verdict("shop", "up")
        await demo.verdict("login", "up")
