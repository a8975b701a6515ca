"""Threads: what was told together, and when nothing of it goes on any more."""

import time

from msgspec.structs import replace

from pangea.coordinator.threads import Threads
from tests.core.test_notification import one


def over(number, alert):
    return replace(one(number), alert=alert, kind="recovered")


def test_what_became_part_of_another_is_over_with_that():
    threads = Threads()
    threads.add("a", "t")
    threads.add("b", "u")
    threads.move("a", "b")
    assert threads.of("a") == []
    assert threads.of("b") == ["u", "t"]
    assert set(threads.settled_by([over(1, "b")])) == {"t", "u"}
    threads.told([over(1, "b")], "u")
    assert threads.of("b") == []


def test_a_list_is_over_when_all_of_it_is():
    threads = Threads()
    threads.told([replace(one(n), alert=f"a{n}") for n in range(3)], "list")
    assert threads.settled_by([over(0, "a0")]) == ()
    threads.told([over(0, "a0")], "list")
    assert threads.settled_by([over(n, f"a{n}") for n in (1, 2)]) == ("list",)


def test_thousands_of_threads_hold_nobody_up():
    threads = Threads()
    for n in range(5000):
        threads.add(f"a{n}", f"t{n}")
    gone = [over(n, f"a{n}") for n in range(5000)]
    begun = time.process_time()
    threads.thread_for(gone, "m")
    threads.told(gone, "m")
    assert time.process_time() - begun < 0.5
