"""Runs the benches, one after the other, and writes what they measured.

    make bench                          all of them
    make bench ARGS="worker-http"       those whose names begin so

A bench is a module of this folder that prints JSON; it runs as a process of its
own. build/bench.json keeps the latest figures of each, also from earlier runs.
"""

import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FILE = ROOT / "build" / "bench.json"
#: No bench takes longer; one that does has hung.
LONGEST_S = 1200

#: By name: the module, and what it is given.
BENCHES = {
    "worker-http": ("worker", "http"),
    "worker-https": ("worker", "https"),
    "worker-tls": ("worker", "tls"),
    "worker-dns": ("worker", "dns"),
    "worker-icmp": ("worker", "icmp"),
    "worker-pings": ("worker", "pings"),
    "system-http": ("system", "http"),
    "system-icmp": ("system", "icmp"),
    "system-dns": ("system", "dns"),
    "scheduling": ("scheduling",),
    "truth-http": ("truth_http",),
    "icmp-truth": ("icmp_truth",),
    "tarpits": ("tarpits",),
    "memory-worker": ("memory", "worker"),
    "memory-coordinator": ("memory", "coordinator"),
    "start": ("start",),
    "start-binary": ("start", "--binary"),
    "ingest": ("ingest",),
    "ingest-postgres": ("ingest", "--postgres"),
    "judging": ("judging",),
    "alerting": ("alerting",),
    "handshakes": ("handshakes",),
    "flood": ("flood",),
    "many-workers": ("many_workers",),
    "live": ("live",),
    "dash": ("dash",),
    "detection": ("detection", "plain"),
    "detection-skewed": ("detection", "skewed"),
    "backtest": ("backtest",),
    "storage": ("storage",),
    "history": ("history",),
    "history-postgres": ("history", "--postgres"),
    "icmp-engine": ("icmp_engine",),
    "dns-engine": ("dns_engine",),
    "tls-engine": ("tls_engine",),
}


def main(given: list[str]) -> int:
    """Run the chosen benches; return 1 if one of them broke."""
    chosen = [n for n in BENCHES if not given or any(n.startswith(g) for g in given)]
    if not chosen:
        print(f"no such bench; there are: {' '.join(BENCHES)}", file=sys.stderr)
        return 2
    broken = []
    for name in chosen:
        figures = run(name)
        if figures is None:
            broken.append(name)
        else:
            keep(name, figures)
            show(name, figures)
    if broken:
        print(f"\nbroke: {' '.join(broken)}", file=sys.stderr)
    return 1 if broken else 0


def run(name: str) -> dict[str, Any] | None:
    """Return what the bench measured; None if it broke, its words are shown."""
    module, *arguments = BENCHES[name]
    command = [sys.executable, "-m", f"tests.bench.{module}", *arguments]
    try:
        ended = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=LONGEST_S
        )
    except subprocess.TimeoutExpired:
        print(f"{name}: not within {LONGEST_S} s", file=sys.stderr)
        return None
    if ended.returncode or not ended.stdout.strip():
        print(f"{name}: {ended.stderr[-4000:]}", file=sys.stderr)
        return None
    found: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return found


def keep(name: str, figures: dict[str, Any]) -> None:
    """Put the figures of one bench into the file, at once."""
    kept = json.loads(FILE.read_text()) if FILE.exists() else {}
    kept["machine"] = {
        "cpu": processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
    }
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    kept.setdefault("benches", {})[name] = {"at": at, "figures": figures}
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(json.dumps(kept, indent=1) + "\n")


def processor() -> str:
    """Return what the processor calls itself."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    named = (x.partition(":")[2].strip() for x in lines if x.startswith("model name"))
    return next(named, platform.machine())


def show(name: str, figures: dict[str, Any]) -> None:
    """Print the figures of one bench as part of the table."""
    for number, (key, value) in enumerate(figures.items()):
        shown = f"{value:>16,.3f}" if isinstance(value, int | float) else f"  {value}"
        print(f"{'' if number else name:20} {key:28} {shown}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
