"""What goes into one message, and in which order."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pangea.core.notification import (
    LEAST,
    LONGEST_S,
    MOST,
    Notification,
    again_after_s,
    choose,
    message_id,
    notification_id,
)
from tests.core.test_alert_due import NOTICE


def one(number, **more):
    said = {
        "id": f"n{number:03}",
        "org": 1,
        "alert": f"a{number}",
        "rule": 1,
        "rule_name": "r",
        "step": "down",
        "kind": "down",
        "channel": 1,
        "notice": NOTICE,
        "made_us": number,
    }
    return Notification(**said | more)


def test_the_id_follows_from_what_is_told_alone():
    told = [notification_id("i.0", 1, "down", 2) for _ in range(2)]
    assert told[0] == told[1]
    others = {
        notification_id("i.1", 1, "down", 2),
        notification_id("i.0", 2, "down", 2),
        notification_id("i.0", 1, "down.1", 2),
        notification_id("i.0", 1, "down", 3),
    }
    assert len(others) == 4
    assert told[0] not in others
    assert message_id([told[0]]) == told[0]
    assert message_id(["a", "b"]) == message_id(["b", "a"]) != message_id(["a"])


def test_a_few_go_one_by_one_and_many_as_a_list():
    few = [one(n) for n in range(LEAST - 1)]
    assert choose(few, 10) == few[:1]
    many = [one(n) for n in range(LEAST)]
    assert choose(many, 10) == many


def test_a_storm_is_one_list():
    storm = [one(n) for n in range(MOST)]
    assert len(choose(storm, 10)) == MOST == 10_000


def test_what_was_tried_goes_again_as_it_went_and_after_what_is_new():
    tried = [one(n, message="m", tries=1) for n in (1, 2)]
    new = one(3)
    assert choose([*tried, new], 10) == [new]
    assert choose(tried, 10) == tried
    later = [replace(it, next_us=99) for it in tried]
    assert choose(later, 10) == []


def test_nothing_overtakes_what_was_to_be_told_of_the_same_thing_before():
    down = one(1, message="m", tries=3, next_us=99)
    up = one(2, alert="a1", step="recovered", kind="recovered")
    assert choose([down, up], 10) == []
    assert choose([replace(down, next_us=0), up], 10) == [replace(down, next_us=0)]


def test_what_fails_often_waits_for_what_failed_seldom():
    poison = one(1, message="m1", tries=9)
    other = one(2, message="m2", tries=1)
    assert choose([poison, other], 10) == [other]


def test_each_try_comes_later_up_to_a_limit():
    waits = [again_after_s(n) for n in range(1, 40)]
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (2.0, LONGEST_S)


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.integers(0, 2))))
def test_everything_is_chosen_in_the_end_and_once(given):
    pending = {
        f"n{n:03}": one(n, alert=f"a{alert}", tries=tries, message="m" if tried else "")
        for n, (alert, tried, tries) in enumerate(given)
    }
    seen = []
    while pending:
        chosen = choose(pending.values(), 1_000_000)
        assert chosen
        for it in chosen:
            seen.append(it.id)
            del pending[it.id]
    assert len(seen) == len(set(seen)) == len(given)
