"""Lines that anybody could cause are written now and then, and counted."""

from pangea.core import seldom
from pangea.core.seldom import Seldom


def test_a_source_has_one_line_a_minute_and_the_rest_is_counted():
    lines = Seldom(60.0)
    assert lines.left_out("192.0.2.1", 1.0) == 0
    assert lines.left_out("192.0.2.1", 2.0) is None
    assert lines.left_out("192.0.2.1", 60.0) is None
    assert lines.left_out("192.0.2.2", 60.0) == 2
    assert lines.left_out("192.0.2.1", 61.0) == 0


def test_only_so_many_sources_are_remembered(monkeypatch):
    monkeypatch.setattr(seldom, "MOST", 2)
    lines = Seldom(60.0)
    for source in "abc":
        assert lines.left_out(source, 0.0) == 0
    assert lines.left_out("c", 1.0) is None
    assert lines.left_out("a", 1.0) == 1
