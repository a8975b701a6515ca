"""What belongs together at a pager: over when all of it is, likewise taken care of."""

from msgspec.structs import replace

from pangea.coordinator.threads import Threads
from pangea.coordinator.wording import worst_of
from tests.core.test_notification import one


def of(alert, kind="down"):
    return replace(one(1), alert=alert, kind=kind)


def told(*alerts):
    threads = Threads()
    threads.told([of(alert) for alert in alerts], "list")
    return threads


def test_a_list_is_acknowledged_when_all_of_it_is():
    threads = told("a", "b")
    first = [of("a", "acknowledged")]
    assert threads.acknowledged_by(first) == ()
    threads.told(first, "list")
    assert threads.acknowledged_by([of("b", "acknowledged")]) == ("list",)


def test_what_is_left_of_a_list_may_be_taken_care_of_already():
    threads = told("a", "b")
    threads.told([of("a", "acknowledged")], "list")
    over = [of("b", "recovered")]
    assert threads.acknowledged_by(over) == ("list",)
    assert threads.settled_by(over) == ()
    threads.told(over, "list")
    assert threads.settled_by([of("a", "recovered")]) == ("list",)


def test_what_is_told_anew_is_taken_care_of_no_more():
    threads = told("a", "b")
    threads.told([of("a", "acknowledged")], "list")
    threads.told([of("a")], "list")
    assert threads.acknowledged_by([of("b", "acknowledged")]) == ()


def test_a_restart_forgets_nothing_of_that():
    threads = Threads()
    for alert in ("a", "b"):
        threads.add(alert, "list")
    threads.acknowledged("a")
    threads.acknowledged("never told")
    assert threads.acknowledged_by([of("b", "acknowledged")]) == ("list",)


def test_a_message_is_like_the_worst_news_in_it():
    acked, over = of("a", "acknowledged"), of("b", "recovered")
    new = replace(
        of("c", "degraded"), notice=replace(of("c").notice, severity="warning")
    )
    assert worst_of([acked, over, new]).kind == "degraded"
    assert worst_of([over, acked]).kind == "acknowledged"
    assert worst_of([over]).kind == "recovered"
