"""Where no socket may ping: the system's own ``ping``, which has the right."""

import asyncio
import os
import re
import shutil
import sys

from pangea.core.environment import for_others
from pangea.core.failure import ProbeError, ProbeFailed
from pangea.core.text import safe_text

from .icmp_burst import Burst, Request
from .icmp_socket import no_right

#: processes at a time, and bytes read of one
_AT_ONCE = asyncio.Semaphore(16)
_LINE_LIMIT = 1 << 14
#: without privileges ping refuses a shorter gap
_LEAST_GAP_S = 0.2
#: with a shorter payload ping has no room for its clock and tells no time
_LEAST_SIZE = 16
_REPLY = re.compile(
    rb"bytes from .*?icmp_seq=(\d+).*?(?:ttl|hlim)=(\d+).*?time=(\d+(?:\.\d+)?) ?ms"
)
_ERROR = re.compile(rb"From (\S+?):? icmp_seq=(\d+) (.+)")


def ping_command() -> str | None:
    """Return the path of the system's ping, None if there is none."""
    return shutil.which("ping")


def arguments(request: Request) -> list[str]:
    """Return the arguments of iputils' ping for *request*."""
    gap = max(request.gap_s, _LEAST_GAP_S)
    asked = [
        "-n",
        *("-c", str(request.count)),
        *("-i", f"{gap:g}"),
        *("-W", f"{request.wait_s:g}"),
        *("-s", str(max(request.size, _LEAST_SIZE))),
    ]
    if request.ttl is not None:
        asked += ["-t", str(request.ttl)]
    if request.tos is not None:
        asked += ["-Q", str(request.tos)]
    if request.dont_fragment:
        asked += ["-M", "do"]
    if request.source:
        asked += ["-I", request.source]
    return [*asked, "--", request.address]


def read_line(burst: Burst, line: bytes) -> None:
    """Note in *burst* what one line of ping's output says."""
    if match := _REPLY.search(line):
        seq, ttl, rtt_ms = match.groups()
        index = int(seq[:6]) - 1
        if 0 <= index < burst.request.count:
            burst.answered(index, float(rtt_ms[:12].rstrip(b".")), int(ttl[:3]))
    elif match := _ERROR.search(line):
        by, seq, said = match.groups()
        index = int(seq[:6]) - 1
        if 0 <= index < burst.request.count:
            words = safe_text(said.lower(), 100)
            burst.refused(index, _kind(said), words, safe_text(by, 60), None)


def _kind(said: bytes) -> str:
    if said.startswith((b"Time to live", b"Time exceeded")):
        return "ttl_exceeded"
    if said.startswith((b"Frag needed", b"Packet too big")):
        return "mtu"
    return "unreachable"


async def run_ping(burst: Burst, command: str) -> None:
    """Run *command* for *burst* until it ends; cancelling kills it."""
    request = burst.request
    burst.rtts_ms = [None] * request.count
    async with _AT_ONCE:
        process = await asyncio.create_subprocess_exec(
            command,
            *arguments(request),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=_LINE_LIMIT,
            env=for_others(os.environ, frozen=hasattr(sys, "frozen")) | {"LC_ALL": "C"},
        )
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            async for line in process.stdout:
                read_line(burst, line)
            said = await process.stderr.read(_LINE_LIMIT)
            code = await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    # 0: some answered, 1: none did, all else: ping itself could not
    refused = code not in (0, 1) or b"too long" in said
    burst.finish(_own_failure(said) if refused else None)


def _own_failure(said: bytes) -> ProbeFailed:
    words = safe_text(said.strip() or b"ping gave no reason", 200)
    if b"not permitted" in said or b"ermission denied" in said:
        return no_right()
    if b"too long" in said:
        return ProbeFailed("mtu", words)
    if any(sign in said for sign in (b"nreachable", b"No route", b"Invalid argument")):
        return ProbeError("no_route", words)
    return ProbeError("bug", words)
