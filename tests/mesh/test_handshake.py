"""The handshake's rules: what is accepted, and each reason to refuse."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from nacl.bindings import crypto_scalarmult_base

from pangea.core.errors import ProtocolError
from pangea.mesh.first_message import KIND_TOKEN, write_first
from pangea.mesh.info import NodeInfo, write_info
from pangea.mesh.messages import VERSIONS
from pangea.mesh.refusal import Refusal, Refused
from pangea.mesh.replay import ReplayCache
from tests.mesh.parties import (
    COORDINATOR,
    OTHER_SECRET,
    SECRET,
    STRANGER,
    WORKER,
    WORKER_INFO,
    Forger,
    initiator,
    responder,
    shake,
)

TOKEN = b"token001"


def refused(reason, step, *args):
    """Run *step* and check that it is refused for *reason*."""
    with pytest.raises(Refused) as caught:
        step(*args)
    assert caught.value.reason is reason


def m1_with(head, at):
    """Return a first message whose bytes from *at* are *head*, rightly MACed."""
    plain = bytearray(write_first(SECRET, b"e" * 32, kind=0, hint=bytes(8)))
    plain[at : at + len(head)] = head
    kind, hint, key = plain[5], bytes(plain[6:14]), bytes(plain[14:46])
    return bytes(plain[:6]) + write_first(SECRET, key, kind=kind, hint=hint)[6:]


def test_both_sides_agree_on_keys_session_and_each_other():
    ours, theirs = shake(initiator(), responder())
    assert ours.send_key == theirs.receive_key
    assert ours.receive_key == theirs.send_key
    assert ours.send_key != ours.receive_key
    assert (ours.sid, ours.final_hash) == (theirs.sid, theirs.final_hash)
    assert ours.peer_key == COORDINATOR.public_key
    assert theirs.peer_key == WORKER.public_key
    assert (ours.peer_info.role, ours.peer_info.name) == ("coordinator", "c")
    assert (theirs.peer_info.role, theirs.peer_info.name) == ("worker", "w1")


def test_two_sessions_of_the_same_nodes_share_nothing():
    one, _ = shake(initiator(), responder())
    two, _ = shake(initiator(), responder())
    assert not {one.send_key, one.receive_key, one.sid} & {
        two.send_key,
        two.receive_key,
        two.sid,
    }


def test_the_keys_are_not_in_the_repr():
    ours, _ = shake(initiator(), responder())
    assert repr(ours.send_key) not in repr(ours)
    assert "send_key" not in repr(ours)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_any_of_three_secrets_is_accepted_and_named(place):
    secrets = [bytes([n]) * 32 for n in (1, 2, 3)]
    _, theirs = shake(initiator(secret=secrets[place]), responder(secrets=secrets))
    assert theirs.secret_index == place


@pytest.mark.parametrize("count", [0, 4])
def test_a_responder_holds_one_to_three_secrets(count):
    with pytest.raises(ValueError, match="1 to 3"):
        responder(secrets=[SECRET] * count)


def test_a_join_token_is_found_by_its_hint():
    tokens = {TOKEN: OTHER_SECRET}
    one = initiator(secret=OTHER_SECRET, kind=KIND_TOKEN, hint=TOKEN)
    ours, theirs = shake(one, responder(find_token=tokens.get))
    assert (theirs.kind, theirs.hint) == (KIND_TOKEN, TOKEN)
    assert ours.sid == theirs.sid


def test_the_highest_common_version_is_computed_by_both():
    ours, theirs = shake(
        initiator(info=write_info(NodeInfo(versions=(1, 3)))),
        responder(info=write_info(NodeInfo(versions=(2, 5)))),
    )
    assert ours.version == theirs.version == 3


# M1


@pytest.mark.parametrize("size", [0, 1, 61, 63, 2048])
def test_m1_of_another_length_is_refused(size):
    m1 = (initiator().start() + bytes(2048))[:size]
    refused(Refusal.SHAPE, responder().answer, m1, 0.0)


@pytest.mark.parametrize(
    ("at", "head"),
    [
        pytest.param(0, b"PNG2", id="magic"),
        pytest.param(4, b"\x02", id="suite"),
        pytest.param(5, b"\x02", id="kind"),
        pytest.param(5, b"\x02" + TOKEN, id="kind with a hint"),
        pytest.param(6, TOKEN, id="a hint without a token"),
        pytest.param(5, b"\x01", id="a token without a hint"),
    ],
)
def test_m1_with_a_wrong_head_is_refused(at, head):
    refused(Refusal.SHAPE, responder().answer, m1_with(head, at), 0.0)


def test_a_wrong_secret_is_refused_at_once():
    m1 = initiator(secret=OTHER_SECRET).start()
    refused(Refusal.SECRET, responder().answer, m1, 0.0)


def test_an_unknown_token_is_refused():
    m1 = initiator(kind=KIND_TOKEN, hint=TOKEN).start()
    refused(Refusal.TOKEN, responder(find_token={}.get).answer, m1, 0.0)
    refused(Refusal.TOKEN, responder().answer, m1, 0.0)


def test_the_cluster_secret_is_no_token():
    m1 = initiator(kind=KIND_TOKEN, hint=TOKEN).start()
    tokens = {TOKEN: OTHER_SECRET}
    refused(Refusal.SECRET, responder(find_token=tokens.get).answer, m1, 0.0)


def test_a_first_message_seen_before_is_refused():
    replays = ReplayCache()
    m1 = initiator().start()
    responder(replays=replays).answer(m1, 0.0)
    refused(Refusal.REPLAY, responder(replays=replays).answer, m1, 599.0)


def test_a_stranger_cannot_fill_the_replay_cache():
    replays = ReplayCache(capacity=1)
    m1 = initiator().start()
    responder(replays=replays).answer(m1, 0.0)
    for _ in range(3):
        other = initiator(secret=OTHER_SECRET).start()
        refused(Refusal.SECRET, responder(replays=replays).answer, other, 0.0)
    refused(Refusal.REPLAY, responder(replays=replays).answer, m1, 0.0)


@pytest.mark.parametrize("low", [bytes(32), b"\x01" + bytes(31)])
def test_an_ephemeral_key_of_low_order_is_refused_by_the_responder(low):
    m1 = write_first(SECRET, low, kind=0, hint=bytes(8))
    refused(Refusal.KEY, responder().answer, m1, 0.0)


def test_a_responder_refuses_its_own_ephemeral_key():
    m1 = write_first(SECRET, crypto_scalarmult_base(b"x" * 32), kind=0, hint=bytes(8))
    refused(Refusal.REFLECTION, responder(ephemeral=b"x" * 32).answer, m1, 0.0)


# M2


def test_an_ephemeral_key_of_low_order_is_refused_by_the_initiator():
    one = initiator()
    one.start()
    refused(Refusal.KEY, one.finish, bytes(32 + 112 + 2))


def test_our_own_ephemeral_key_coming_back_is_a_reflection():
    one = initiator(ephemeral=b"x" * 32)
    m1 = one.start()
    refused(Refusal.REFLECTION, one.finish, m1[14:46] + bytes(114))


@pytest.mark.parametrize("size", [0, 31, 32, 143, 1169, 5000])
def test_m2_of_an_impossible_length_is_refused(size):
    one = initiator()
    one.start()
    refused(Refusal.SHAPE, one.finish, bytes(size))


def test_an_initiator_sent_its_own_first_message_refuses_it():
    one = initiator()
    with pytest.raises(Refused):
        one.finish(one.start())


def m2_from(forger=None, **changes):
    """Return an initiator and what a forger with the secret answers it."""
    one = initiator()
    return one, (forger or Forger()).second(one.start(), **changes)


def test_a_forger_that_changes_nothing_is_accepted():
    one, m2 = m2_from()
    _, session = one.finish(m2)
    assert session.peer_key == COORDINATOR.public_key


def test_a_responder_without_the_secret_cannot_answer():
    one, m2 = m2_from(Forger(secret=OTHER_SECRET))
    refused(Refusal.SEAL, one.finish, m2)


def test_another_prologue_does_not_open():
    two = responder(prologue=b"tls" + bytes(32))
    one = initiator()
    m2 = two.answer(one.start(), 0.0)
    refused(Refusal.SEAL, one.finish, m2)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"key": STRANGER, "claim": COORDINATOR.public_key}, id="stranger"),
        pytest.param({"label": b"initiator"}, id="signed in the other role"),
        pytest.param({"over": bytes(32)}, id="signed over another transcript"),
        pytest.param({"claim": b"\x01" + bytes(31)}, id="a key of low order"),
    ],
)
def test_a_wrong_signature_is_refused(changes):
    one, m2 = m2_from(**changes)
    refused(Refusal.SIGNATURE, one.finish, m2)


def test_our_own_identity_is_refused_on_either_side():
    one, m2 = m2_from(key=WORKER)
    refused(Refusal.REFLECTION, one.finish, m2)
    two, m3 = m3_from(key=COORDINATOR)
    refused(Refusal.REFLECTION, two.finish, m3)


def test_versions_that_do_not_overlap_are_refused_by_both():
    apart = write_info(NodeInfo(role="coordinator", versions=(VERSIONS[1] + 1, 9)))
    one, m2 = m2_from(info=apart)
    refused(Refusal.VERSION, one.finish, m2)
    two, m3 = m3_from(info=apart)
    refused(Refusal.VERSION, two.finish, m3)


def test_malformed_info_is_refused_by_both():
    one, m2 = m2_from(info=b'{"!must":1}')
    refused(Refusal.INFO, one.finish, m2)
    two, m3 = m3_from(info=b"[]")
    refused(Refusal.INFO, two.finish, m3)


def only(key, role):
    """Return a check that lets in one key in one role."""

    def check(public_key, info):
        if (public_key, info.role) != (key, role):
            raise Refused(Refusal.PEER, "not the one we want")

    return check


def test_an_initiator_names_itself_only_to_the_pinned_key():
    pinned = only(STRANGER.public_key, "coordinator")
    one = initiator(check_peer=pinned)
    m2 = responder().answer(one.start(), 0.0)
    refused(Refusal.PEER, one.finish, m2)
    refused(Refusal.ORDER, one.finish, m2)


def test_a_pinned_key_in_another_role_is_refused():
    one = initiator(check_peer=only(COORDINATOR.public_key, "coordinator"))
    two = responder(info=WORKER_INFO)
    refused(Refusal.PEER, one.finish, two.answer(one.start(), 0.0))


def test_a_responder_refuses_a_revoked_node():
    two = responder(check_peer=only(STRANGER.public_key, "worker"))
    one = initiator()
    m3, _ = one.finish(two.answer(one.start(), 0.0))
    refused(Refusal.PEER, two.finish, m3)


# M3


def m3_from(**changes):
    """Return a responder and the third message of a forger with the secret."""
    two, forger = responder(), Forger()
    m2 = two.answer(forger.first(), 0.0)
    return two, forger.third(m2, **changes)


def test_a_forged_third_message_that_changes_nothing_is_accepted():
    two, m3 = m3_from()
    assert two.finish(m3).peer_key == WORKER.public_key


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"key": STRANGER, "claim": WORKER.public_key}, id="stranger"),
        pytest.param({"label": b"responder"}, id="signed in the other role"),
        pytest.param({"over": bytes(32)}, id="signed over another transcript"),
    ],
)
def test_a_wrong_signature_in_m3_is_refused(changes):
    two, m3 = m3_from(**changes)
    refused(Refusal.SIGNATURE, two.finish, m3)


def test_a_responders_own_proof_sent_back_is_refused():
    two = responder()
    m2 = two.answer(initiator().start(), 0.0)
    refused(Refusal.SEAL, two.finish, m2[32:])


def test_a_third_message_of_another_session_is_refused():
    one, two, three = initiator(), responder(), responder()
    m1 = one.start()
    m3, _ = one.finish(two.answer(m1, 0.0))
    three.answer(m1, 0.0)
    refused(Refusal.SEAL, three.finish, m3)


@pytest.mark.parametrize("size", [0, 111, 1137, 5000])
def test_m3_of_an_impossible_length_is_refused(size):
    two = responder()
    two.answer(initiator().start(), 0.0)
    refused(Refusal.SHAPE, two.finish, bytes(size))


# order


def test_steps_out_of_turn_are_refused():
    one, two = initiator(), responder()
    refused(Refusal.ORDER, two.finish, bytes(200))
    refused(Refusal.ORDER, one.finish, bytes(200))
    one.start()
    refused(Refusal.ORDER, one.start)


def test_a_finished_handshake_takes_nothing_more():
    one, two = initiator(), responder()
    m1 = one.start()
    m2 = two.answer(m1, 0.0)
    m3, _ = one.finish(m2)
    two.finish(m3)
    refused(Refusal.ORDER, one.finish, m2)
    refused(Refusal.ORDER, two.finish, m3)
    refused(Refusal.ORDER, two.answer, m1, 0.0)


def test_after_a_refusal_even_the_right_message_is_refused():
    one, two = initiator(), responder()
    m2 = two.answer(one.start(), 0.0)
    refused(Refusal.SEAL, one.finish, m2[:-1] + bytes([m2[-1] ^ 1]))
    refused(Refusal.ORDER, one.finish, m2)


# any change to any message


def recorded():
    """Return the three messages of one session with fixed ephemeral keys."""
    one, two = initiator(ephemeral=b"i" * 32), responder(ephemeral=b"r" * 32)
    m1 = one.start()
    m2 = two.answer(m1, 0.0)
    m3, _ = one.finish(m2)
    return m1, m2, m3


RECORDED = recorded()
OTHERS = [bytes(62), *RECORDED]


@st.composite
def changes(draw):
    """Draw (which message, what comes in its place), never the message itself."""
    which = draw(st.integers(0, 2))
    message = bytearray(RECORDED[which])
    kind = draw(st.sampled_from(["flip", "cut", "grow", "splice", "other"]))
    at = draw(st.integers(0, len(message) - 1))
    if kind == "flip":
        message[at] ^= draw(st.integers(1, 255))
    elif kind == "cut":
        del message[at:]
    elif kind == "grow":
        message[at:at] = draw(st.binary(min_size=1, max_size=64))
    elif kind == "splice":
        message[at:] = draw(st.sampled_from(OTHERS))[at:]
    else:
        message = bytearray(draw(st.sampled_from(OTHERS)))
    return which, bytes(message)


@given(changes())
def test_no_changed_message_is_accepted(change):
    which, data = change
    assume(data != RECORDED[which])
    one, two = initiator(ephemeral=b"i" * 32), responder(ephemeral=b"r" * 32)
    one.start()
    if which:
        two.answer(RECORDED[0], 0.0)
    receive = [lambda m1: two.answer(m1, 0.0), one.finish, two.finish][which]
    with pytest.raises(ProtocolError):
        receive(data)
