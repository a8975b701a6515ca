"""Keys that seal once, and hashes that bind everything."""

import pytest

from pangea.mesh.refusal import Refused
from pangea.mesh.transcript import Transcript, digest


def pair():
    one, two = Transcript(b"tcp"), Transcript(b"tcp")
    for side in (one, two):
        side.mix_key(b"shared")
    return one, two


def test_what_one_seals_the_other_opens():
    one, two = pair()
    assert two.open(one.seal(b"hello")) == b"hello"
    assert one.hash == two.hash
    assert one.split() == two.split()


def test_a_key_seals_exactly_once():
    one, _ = pair()
    one.seal(b"first")
    with pytest.raises(RuntimeError, match="seals once"):
        one.seal(b"second")


def test_a_key_opens_exactly_once_even_if_it_fails():
    one, two = pair()
    sealed = one.seal(b"first")
    with pytest.raises(Refused):
        two.open(sealed[:-1] + bytes([sealed[-1] ^ 1]))
    with pytest.raises(RuntimeError, match="seals once"):
        two.open(sealed)


def test_without_a_key_nothing_is_sealed():
    with pytest.raises(RuntimeError, match="seals once"):
        Transcript(b"tcp").seal(b"plain")


@pytest.mark.parametrize("bound", [b"", b"x"])
def test_all_that_was_bound_must_be_the_same(bound):
    one, two = pair()
    one.mix_hash(b"said")
    two.mix_hash(bound)
    with pytest.raises(Refused):
        two.open(one.seal(b"hello"))


def test_the_purpose_of_a_hash_changes_it():
    assert digest(b"x", "pangea1.one") != digest(b"x", "pangea1.two")
