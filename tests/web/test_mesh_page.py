"""The page of the mesh: the grid, cuts in one direction, relays, and hostile names."""

import pytest
from msgspec.structs import replace

from pangea.core.peer_stats import NO_ADDRESS
from pangea.web.api_mesh import MESH_SERVICE
from tests.web.reading import EVIL, asking, assert_harmless, plain, text


@pytest.fixture
async def asked():
    async with asking() as pair:
        yield pair


async def test_the_grid_says_in_words_what_is_cut_lost_and_relayed(asked):
    page = plain(await text(asked[1], "/mesh-view"))
    assert "tokyo → london: cut in this direction only: london does not hear" in page
    assert "london → tokyo: 199 ms" in page
    assert "local → nyc: 71 ms, 4 % loss, via london" in page


async def test_who_does_not_listen_is_no_fault(asked):
    site, http = asked
    mesh = site.app[MESH_SERVICE]
    dialled = replace(mesh.found[0], reason=NO_ADDRESS)
    none = replace(mesh.found[1], rtt_ms=None, path=None, loss=1.0, reason=NO_ADDRESS)
    mesh.found = [dialled, none]
    page = await text(http, "/mesh-view")
    assert page.count("it does not listen, so it cannot be dialled") == 2
    assert 'class="num off"' in page
    assert "v-down" not in page
    assert "100 %" not in page
    assert NO_ADDRESS not in page


async def test_names_and_reasons_are_harmless(asked):
    site, http = asked
    mesh = site.app[MESH_SERVICE]
    mesh.found = [
        replace(p, source=EVIL, reason=EVIL, path=f"via {EVIL}") for p in mesh.found
    ]
    assert_harmless(await text(http, "/mesh-view"))


async def test_without_workers_it_says_what_to_do(asked):
    site, http = asked
    site.app[MESH_SERVICE].found = []
    assert "two or more connected workers" in await text(http, "/mesh-view")
