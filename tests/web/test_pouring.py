"""Exports have few places, and no account takes them all."""

from contextlib import ExitStack

import pytest

from pangea.web.keys import Who
from pangea.web.pouring import AT_ONCE, EACH, Pouring
from pangea.web.refusals import TooMany


def who(number):
    return Who(account=number, name=f"a{number}", org=1, role="viewer")


def test_one_account_leaves_places_to_others():
    pouring = Pouring()
    with ExitStack() as stack:
        for _ in range(EACH):
            stack.enter_context(pouring.place(who(1)))
        with pytest.raises(TooMany, match="exports of a1"):
            stack.enter_context(pouring.place(who(1)))
        stack.enter_context(pouring.place(who(2)))
    with pouring.place(who(1)):
        assert pouring.count == 1


def test_there_are_so_many_places_in_all():
    pouring = Pouring()
    with ExitStack() as stack:
        for number in range(AT_ONCE):
            stack.enter_context(pouring.place(who(number)))
        with pytest.raises(TooMany):
            stack.enter_context(pouring.place(who(99)))
    assert pouring.count == 0
