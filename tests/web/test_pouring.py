"""Exports have few places, and no account takes them all."""

import asyncio
from contextlib import ExitStack

import pytest
from aiohttp import ClientPayloadError, ClientSession, web
from aiohttp.test_utils import TestServer
from msgspec import Struct

from pangea.web import pouring
from pangea.web.keys import WHO, Who
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


class Line(Struct):
    number: int


async def pages(longest):
    for number in range(longest):
        yield [Line(number)]
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(("longest", "whole"), [(3, True), (1000, False)])
async def test_an_export_ends_after_its_time_and_is_not_whole_then(
    monkeypatch, longest, whole
):
    monkeypatch.setattr(pouring, "LONGEST_S", 0.3)

    async def export(request):
        request[WHO] = who(1)
        return await pouring.pour(request, pages(longest), Line, "csv", "lines")

    app = web.Application()
    app[pouring.POURING] = Pouring()
    app.router.add_get("/", export)
    async with TestServer(app, host="127.0.0.1") as server, ClientSession() as http:
        async with http.get(server.make_url("/")) as answer:
            if whole:
                assert await answer.text() == "number\n0\n1\n2\n"
            else:
                with pytest.raises(ClientPayloadError):
                    await answer.read()
        assert app[pouring.POURING].count == 0
