"""The frozen sessions: each valid one byte for byte, each changed message refused."""

import json
from pathlib import Path

import pytest

from pangea.core.errors import ProtocolError
from pangea.mesh.handshake import Initiator, Responder
from pangea.mesh.replay import ReplayCache
from tests.mesh.parties import Key, anyone

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text())
VALID = {session["number"]: session for session in VECTORS["valid"]}


def sides(vector):
    raw = {
        name: bytes.fromhex(value)
        for name, value in vector.items()
        if name not in ("number", "kind", "info_initiator", "info_responder")
    }
    one = Initiator(
        Key(raw["initiator_seed"]),
        raw["psk"],
        vector["info_initiator"].encode(),
        anyone,
        kind=vector["kind"],
        hint=raw["hint"],
        prologue=raw["prologue"],
        ephemeral=raw["initiator_ephemeral"],
    )
    two = Responder(
        Key(raw["responder_seed"]),
        [raw["psk"]],
        vector["info_responder"].encode(),
        anyone,
        ReplayCache(),
        find_token={raw["hint"]: raw["psk"]}.get,
        prologue=raw["prologue"],
        ephemeral=raw["responder_ephemeral"],
    )
    return one, two


def test_the_vectors_are_all_there():
    assert len(VALID) == 6
    assert len(VECTORS["refused"]) == 108


@pytest.mark.parametrize("number", VALID)
def test_a_valid_session_is_reproduced_byte_for_byte(number):
    vector = VALID[number]
    one, two = sides(vector)
    m1 = one.start()
    m2 = two.answer(m1, 0.0)
    m3, ours = one.finish(m2)
    theirs = two.finish(m3)
    assert [m1.hex(), m2.hex(), m3.hex()] == [vector[m] for m in ("m1", "m2", "m3")]
    assert ours.send_key.hex() == theirs.receive_key.hex() == vector["k_ir"]
    assert ours.receive_key.hex() == theirs.send_key.hex() == vector["k_ri"]
    assert ours.sid.hex() == theirs.sid.hex() == vector["sid"]
    assert ours.final_hash.hex() == theirs.final_hash.hex() == vector["final_hash"]
    assert ours.version == theirs.version == 1


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(c, id=f"{c['session']} {c['message']} {c['change']}")
        for c in VECTORS["refused"]
    ],
)
def test_a_changed_message_is_refused(changed):
    vector = VALID[changed["session"]]
    one, two = sides(vector)
    one.start()
    if changed["message"] != "m1":
        two.answer(bytes.fromhex(vector["m1"]), 0.0)
    receive = {
        "m1": lambda data: two.answer(data, 0.0),
        "m2": one.finish,
        "m3": two.finish,
    }[changed["message"]]
    with pytest.raises(ProtocolError):
        receive(bytes.fromhex(changed["bytes"]))
