"""One secret follows another, and which of two rings counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.errors import ConfigError, Conflict
from pangea.mesh import rotation
from pangea.mesh.ring_file import RingFile, newer
from pangea.mesh.secret_ring import MAX_SECRETS, SecretRing, load_or_create, save

STEPS = {
    "start": lambda ring: rotation.started(ring, 7),
    "restart": lambda ring: rotation.restarted(ring, 7),
    "use": rotation.used,
    "finish": rotation.finished,
}


def walk(*names, ring=None):
    """Return every ring on the way, the first one too."""
    rings = [ring or SecretRing.fresh(0)]
    for name in names:
        rings.append(STEPS[name](rings[-1]))
    return rings


def states(ring):
    return [s.state.value for s in ring.all]


def test_a_rotation_goes_from_one_secret_to_another():
    first, started, used, finished = walk("start", "use", "finish")
    assert [states(r) for r in (first, started, used, finished)] == [
        ["current"], ["current", "next"], ["current", "old"], ["current"],
    ]  # fmt: skip
    assert started.current == first.current
    assert used.current.key == started.all[1].key
    assert finished.current == used.current
    assert finished.dropped == first.ids
    assert [rotation.stage(r) for r in (first, started, used, finished)] == [
        "none", "started", "used", "none",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("before", "step"),
    [
        ((), "use"),
        ((), "finish"),
        (("start",), "start"),
        (("start",), "finish"),
        (("start", "use"), "use"),
        (("start", "use", "start", "use"), "start"),
    ],
)
def test_a_step_out_of_turn_is_refused_and_says_which_comes_next(before, step):
    ring = walk(*before)[-1]
    with pytest.raises(Conflict) as caught:
        STEPS[step](ring)
    assert "pangea secret rotate" in caught.value.hint


def test_a_next_secret_that_leaked_is_replaced_by_another():
    ring = walk("start", "restart")
    assert ring[2].current == ring[0].current
    assert ring[2].ids[1] != ring[1].ids[1]
    assert ring[2].dropped == (ring[1].ids[1],)


@given(st.lists(st.sampled_from(sorted(STEPS)), max_size=12))
def test_whatever_is_done_a_ring_can_be_read_again_and_meets_the_one_before(names):
    ring = SecretRing.fresh(0)
    for name in names:
        try:
            after = STEPS[name](ring)
        except Conflict:
            continue
        assert 1 <= len(after.secrets) <= MAX_SECRETS
        assert SecretRing.parse(after.json) == after
        assert set(after.ids).isdisjoint(after.dropped)
        # Who still has the ring from before and who has the new one can talk:
        # what either of them dials with, the other takes. Only `finish` ends that.
        if name != "finish":
            assert ring.current.raw in [s.raw for s in after.all]
        if name != "start" and name != "restart":
            assert after.current.raw in [s.raw for s in ring.all]
        ring = after


@given(st.lists(st.sampled_from(["start", "use", "finish"]), min_size=1, max_size=9))
def test_a_later_ring_is_known_from_an_earlier_one(names):
    rings = [SecretRing.fresh(0)]
    for name in names:
        try:
            rings.append(STEPS[name](rings[-1]))
        except Conflict:
            continue
    for earlier in rings:
        assert newer(earlier, rings[-1]) == rings[-1]


def test_another_clusters_secret_beats_the_ring_that_was_kept():
    kept, handed = walk("start", "use", "finish")[-1], SecretRing.fresh(0)
    assert newer(handed, kept) == handed


def test_the_secret_that_a_straggler_is_given_beats_the_ring_that_it_kept():
    first, *_, last = walk("start", "use", "finish")
    assert newer(SecretRing((last.current,)), first) == SecretRing((last.current,))


def test_a_ring_remembers_a_bounded_number_of_what_it_dropped():
    ring = SecretRing.fresh(0)
    for _ in range(rotation.MAX_DROPPED + 3):
        ring = walk("start", "use", "finish", ring=ring)[-1]
    assert len(ring.dropped) == rotation.MAX_DROPPED
    assert SecretRing.parse(ring.json) == ring


# the file


def test_a_ring_file_is_live_and_on_the_disk(tmp_path):
    path = tmp_path / "state" / "secrets.json"
    first = load_or_create(path)
    file = RingFile.open(path, "")
    file.replace(rotation.started(first, 1))
    assert len(file.raw()) == 2
    assert load_or_create(path) == file.ring


def test_a_ring_that_cannot_be_written_is_not_used(tmp_path):
    path = tmp_path / "state" / "secrets.json"
    file = RingFile.open(path, str(handed(tmp_path, SecretRing.fresh(0))))
    before = file.ring
    (tmp_path / "state").write_text("no directory")
    with pytest.raises(ConfigError):
        file.replace(rotation.started(before, 1))
    assert file.ring == before


def handed(place, ring):
    path = place / "handed"
    path.write_text(ring.current.text)
    path.chmod(0o600)
    return path


def test_a_node_with_an_old_secret_file_goes_on_with_the_ring_that_it_was_sent(
    tmp_path,
):
    rings = walk("start", "use", "finish")
    given_file, path = handed(tmp_path, rings[0]), tmp_path / "state" / "secrets.json"
    for ring in rings:
        save(path, ring)
        assert RingFile.open(path, str(given_file)).ring == ring


def test_opening_writes_nothing(tmp_path):
    given_file, path = handed(tmp_path, SecretRing.fresh(0)), tmp_path / "s" / "x.json"
    assert RingFile.open(path, str(given_file)).ring.current.text
    assert RingFile.open(path, "") is None
    assert not path.parent.exists()
