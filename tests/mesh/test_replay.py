"""The memory for first messages is bounded in number and time."""

from pangea.mesh.replay import ReplayCache


def test_a_key_is_new_once():
    cache = ReplayCache()
    assert cache.is_new(b"a", 0.0)
    assert not cache.is_new(b"a", 0.0)
    assert cache.is_new(b"b", 0.0)


def test_a_key_is_forgotten_after_its_lifetime():
    cache = ReplayCache(lifetime=600.0)
    cache.is_new(b"a", 0.0)
    assert not cache.is_new(b"a", 599.9)
    assert cache.is_new(b"a", 600.0)


def test_the_oldest_goes_when_it_is_full():
    cache = ReplayCache(capacity=2)
    for key in (b"a", b"b", b"c"):
        assert cache.is_new(key, 0.0)
    assert not cache.is_new(b"c", 0.0)
    assert not cache.is_new(b"b", 0.0)
    assert cache.is_new(b"a", 0.0)
