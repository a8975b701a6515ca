"""Can the coordinator be reached, does it take our secret, and is it ours?"""

import time
from collections.abc import Sequence
from email.utils import parsedate_to_datetime

import aiohttp

from pangea.core.config import LISTEN_OFF
from pangea.core.durations import clock_words
from pangea.core.errors import PangeaError, Unreachable
from pangea.mesh.dial import Address, dial
from pangea.mesh.identity import node_id
from pangea.mesh.knock import Met, knock
from pangea.mesh.refusal import Refusal, Refused
from pangea.state_dir import new_boot

from .patient import Patient
from .row import Row, fail, ok, skipped, warn

#: mDNS tags are accepted an hour off; results are mapped whatever the clock says.
OFF_S, FAR_OFF_S = 5.0, 3600.0
ANSWER_S = 3.0
MOST = 8


async def reach(patient: Patient, found: Sequence[Address] = ()) -> list[Row]:
    """Dial each address that is known or was *found*; a coordinator dials itself."""
    known = patient.addresses()
    if patient.is_worker:
        known = list(dict.fromkeys([*known, *found]))
    addresses = known[:MOST]
    if not addresses and patient.is_worker and not _looks(patient):
        return [
            fail(
                "coordinator",
                "no address is known, and discovery is static: there is no way in",
                "give --join HOST[:PORT] or a token; or --listen HOST:PORT, and there: "
                "pangea worker dial HOST:PORT",
            )
        ]
    if not addresses:
        return [
            skipped("coordinator", "no address is known: none given, none remembered")
        ]
    rows = []
    for address in addresses:
        rows += await _one(patient, address)
    return rows


def _looks(patient: Patient) -> bool:
    """Tell whether a worker has a way to be found, or to find."""
    dialled = patient.config.listen_given and patient.config.server.listen != LISTEN_OFF
    return dialled or bool({"mdns", "dns"} & {*patient.mesh.discovery})


async def _one(patient: Patient, address: Address) -> list[Row]:
    check = f"coordinator {address}"
    try:
        if not patient.secrets:
            return [await _answers(patient, check, address)]
        met, secret = await _meet(patient, address)
    except Refused as error:
        return [_refused(patient, check, error)]
    except Unreachable as error:
        if not patient.is_worker:
            return [skipped(check, "this coordinator does not run")]
        hint = error.hint or "is it running, and does a firewall let TCP pass?"
        return [fail(check, str(error), hint)]
    except PangeaError as error:
        return [fail(check, str(error), error.hint or "is that a Pangea port?")]
    return [_known(patient, check, met, secret), *await _clock(address)]


async def _answers(patient: Patient, check: str, address: Address) -> Row:
    """Say that a mesh answers; without a secret nothing more can be asked."""
    channel = await dial(address, ca_file=patient.mesh.ca_file)
    await channel.close()
    return ok(check, "a mesh answers; without a secret nobody says whose it is")


async def _meet(patient: Patient, address: Address) -> tuple[Met, bytes]:
    """Return who answers, by the first of our secrets that is taken there."""
    *others, last = patient.secrets
    for secret in others:
        channel = await dial(address, ca_file=patient.mesh.ca_file)
        try:
            return await knock(channel, secret, new_boot()), secret
        except Refused as error:
            if error.reason is not Refusal.CLOSED:
                raise
    channel = await dial(address, ca_file=patient.mesh.ca_file)
    return await knock(channel, last, new_boot()), last


def _refused(patient: Patient, check: str, error: Refused) -> Row:
    if error.reason is not Refusal.CLOSED or patient.ring is None:
        return fail(check, str(error), error.hint or "is that a Pangea port?")
    ours = ", ".join(patient.ring.ids)
    return fail(
        check,
        f"it answers, but does not take our secret (id {ours})",
        "compare the id with `pangea secret rotate status` there; if it differs, "
        "`pangea secret show` there prints what belongs into --secret-file here",
    )


def _known(patient: Patient, check: str, met: Met, secret: bytes) -> Row:
    who = f"{met.info.role} {met.info.name}, {node_id(met.key)}"
    if met.info.role != "coordinator":
        return fail(check, f"a {who} answers", "give the coordinator's address")
    trusted = patient.trusted
    if trusted and trusted.coordinator_key != met.key:
        return fail(
            check,
            f"another coordinator answers: {who}; trusted is "
            f"{node_id(trusted.coordinator_key)}",
            "if it was replaced on purpose, remove "
            f"{patient.state_dir / 'last-good.json'}",
        )
    if secret != patient.secrets[0]:
        return warn(
            check,
            f"{who}; it takes another secret of our ring, not the current one",
            "this node has missed a rotation: it gets the ring when it links",
        )
    if not patient.is_worker:
        return ok(check, f"{who}; secret taken")
    pinned = "the one that we trust" if trusted else "not trusted before"
    return ok(check, f"{who}, {pinned}; secret taken. {_let_in(patient)}")


def _let_in(patient: Patient) -> str:
    """Return what a knock does not tell: it is made without the key of this node."""
    own = patient.own_id
    if not own:
        return "whether this node is let in is decided there when it comes"
    return f"whether this node is let in, `pangea worker show {own}` there tells"


async def _clock(address: Address) -> list[Row]:
    """Compare the clocks by the Date of an HTTP answer (RFC 9110, 6.6.1)."""
    if address.tls:
        return []  # its certificate may be anybody's; the link measures better
    try:
        limit = aiohttp.ClientTimeout(total=ANSWER_S)
        async with aiohttp.ClientSession(timeout=limit) as session:
            url = f"http://{address}/healthz"
            async with session.get(url, allow_redirects=False) as answer:
                there = parsedate_to_datetime(answer.headers["Date"]).timestamp()
    except (aiohttp.ClientError, OSError, TimeoutError, KeyError, ValueError):
        return []
    return [compared(time.time() - there - 0.5)]


def compared(ahead_s: float) -> Row:
    """Return how our clock goes that is *ahead_s* ahead of the coordinator's."""
    check = "clock, compared"
    if abs(ahead_s) <= 1.0:
        return ok(check, "as that of the coordinator, within a second or so")
    told = clock_words(round(ahead_s), "the coordinator")
    if abs(ahead_s) > FAR_OFF_S:
        return fail(check, told, "set it; mDNS cannot work")
    if abs(ahead_s) > OFF_S:
        return warn(check, told, "let NTP keep both")
    return ok(check, told)
