"""What needs a person stands on the front page and on that of the workers."""

from pangea.web.schema import Concern

EVIL = "<script>alert(1)</script>"


def concern(number, **more):
    said = {"about": f"w{number}", "what": f"lost {number}", "next": "pangea doctor"}
    return Concern(**said | more)


async def test_the_front_page_folds_them_into_one_line_that_names_the_first(site):
    site.service.concerns = [concern(n) for n in range(1, 6)]
    front = (await site.get("/dash", by="viewer")).text
    workers = (await site.get("/workers", by="viewer")).text
    folded = '<details class="concerns" id="concerns">'
    assert folded in front
    assert folded.replace(">", " open>") in workers
    line = front[front.index(folded) : front.index("</summary>", front.index(folded))]
    assert "needs attention (5):" in line
    assert "lost 1<" in line
    for n in range(1, 6):
        assert f"lost {n}<" in front
        assert f"lost {n}<" in workers


async def test_each_has_its_next_step_and_says_whom_it_is_about_if_anybody(site):
    site.service.concerns = [concern(1), concern(2, about="", what="a rotation")]
    page = (await site.get("/dash", by="viewer")).text

    assert '<b class="outside">w1</b>: ' in page
    assert '<b class="outside"></b>' not in page
    assert page.count("→ pangea doctor") == 2


async def test_nothing_to_look_at_takes_no_room(site):
    for path in ("/dash", "/workers"):
        assert 'class="concerns"' not in (await site.get(path, by="viewer")).text


async def test_what_came_from_outside_is_only_text(site):
    site.service.concerns = [concern(1, about=EVIL, what=EVIL, next=EVIL)]
    for path in ("/dash", "/workers"):
        page = (await site.get(path, by="viewer")).text
        assert EVIL not in page
        assert page.count("&lt;script&gt;alert(1)") >= 3
