"""The lab's target: answers each probe with a token of its own, and writes it down.

No probe needs to know of it: a token is the greeting of a TCP server, the answer to
a datagram, the text of a TXT record, or the path to which a page redirects. The
probes keep all of these as readings. So the target's own list of tokens can be
compared with what is stored.

Runs as a process: ``python -m tests.lab.target ADDRESS FILE``. Each line of FILE is
``{"at_us", "source", "job", "token"}``, written before the token is sent.
"""

import asyncio
import json
import os
import re
import secrets
import sys
import time
from collections import OrderedDict
from pathlib import Path

import dns.message
import dns.rrset

#: The jobs of the lab, each with a port of its own, so that the port tells the job.
HTTP = {f"http-{n}": 8000 + n for n in range(1, 3)}
TCP = {f"tcp-{n}": 9000 + n for n in range(1, 5)}
UDP = {f"udp-{n}": 9100 + n for n in range(1, 5)}
DNS = {f"dns-{n}": 5300 + n for n in range(1, 3)}
TOKEN = re.compile(r"lab-[0-9]{7}-[0-9a-f]{12}")
#: A DNS question that comes again from the same port, soon, is the same run.
REMEMBERED = 32
HEAD_S = 5.0


#: A question that is not answered is asked again within this time.
ASKED_AGAIN_S = 0.9


class Notebook:
    """What was handed out, in a file that ``kill -9`` leaves whole."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._number = 0
        self._asked: OrderedDict[tuple[str, int, bytes], tuple[float, str]] = (
            OrderedDict()
        )

    def token(self, job: str, source: str) -> str:
        """Return a new token for a run of *job* from *source*, once it is noted."""
        self._number += 1
        token = f"lab-{self._number:07d}-{secrets.token_hex(6)}"
        at_us = time.time_ns() // 1000
        line = {"at_us": at_us, "source": source, "job": job, "token": token}
        os.write(self._file, json.dumps(line).encode() + b"\n")
        return token

    def token_of(self, job: str, key: tuple[str, int, bytes]) -> str:
        """Return the token of a question, the same one if it is asked again soon.

        Later it is another question, to which chance gave the same 16 bits.
        """
        now = time.monotonic()
        before = self._asked.pop(key, None)
        fresh = before is None or now - before[0] > ASKED_AGAIN_S
        token = self.token(job, key[0]) if before is None or fresh else before[1]
        self._asked[key] = (now, token)
        if len(self._asked) > REMEMBERED:
            self._asked.popitem(last=False)
        return token


class Datagrams(asyncio.DatagramProtocol):
    """Answers datagrams of *job* with a token, or DNS questions with a TXT record."""

    def __init__(self, job: str, notebook: Notebook) -> None:
        self._job, self._notebook = job, notebook

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        """Answer."""
        if self._job in DNS:
            token = self._notebook.token_of(self._job, (*address, data[:2]))
            self._transport.sendto(_txt(data, token), address)
        else:
            token = self._notebook.token(self._job, address[0])
            self._transport.sendto(token.encode(), address)


def _txt(query: bytes, token: str) -> bytes:
    question = dns.message.from_wire(query)
    answer = dns.message.make_response(question)
    name = question.question[0].name
    answer.answer.append(dns.rrset.from_text(name, 60, "IN", "TXT", f'"{token}"'))
    return answer.to_wire()


class Streams:
    """A TCP server of *job*: greets with a token, or redirects to one."""

    def __init__(self, job: str, notebook: Notebook) -> None:
        self._job, self._notebook = job, notebook

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer one connection; what the other side does wrong is its own affair."""
        source = writer.get_extra_info("peername")[0]
        try:
            async with asyncio.timeout(HEAD_S):
                if self._job in HTTP:
                    writer.write(await self._page(reader, source))
                else:
                    token = self._notebook.token(self._job, source)
                    writer.write(f"220 {token}\r\n".encode())
                await writer.drain()
                if self._job in TCP:
                    await reader.read(1)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _page(self, reader: asyncio.StreamReader, source: str) -> bytes:
        head = await reader.readuntil(b"\r\n\r\n")
        path = head.split(b" ", 2)[1].decode("ascii", "replace")
        if TOKEN.search(path):
            return _answer("200 OK", "", "well\n")
        token = self._notebook.token(self._job, source)
        return _answer("302 Found", f"Location: /{token}\r\n", "")


def _answer(status: str, more: str, body: str) -> bytes:
    lines = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{more}"
    return f"{lines}Connection: close\r\n\r\n{body}".encode()


async def main(address: str, path: Path) -> None:
    """Serve every job's port until killed."""
    loop, notebook = asyncio.get_running_loop(), Notebook(path)
    for job, port in (HTTP | TCP).items():
        await asyncio.start_server(Streams(job, notebook).serve, address, port)
    for job, port in (UDP | DNS).items():
        await loop.create_datagram_endpoint(
            lambda job=job: Datagrams(job, notebook), (address, port)
        )
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
